using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Data;

/// <summary>How prompt and answer become a row. Names are alpaca-lora's.</summary>
/// <param name="CutoffLen">Longest row in tokens, BOS included.</param>
/// <param name="TrainOnInputs">False: only the answer and its EOS carry loss.</param>
/// <param name="AddEosToken">Only with <paramref name="LikeAlpacaLora"/>: the prompt's length is measured with an EOS, less one.</param>
/// <param name="LikeAlpacaLora">Ids and labels exactly as alpaca-lora's generate_and_tokenize_prompt, defects included.</param>
public sealed record PreprocessOptions(int CutoffLen, bool TrainOnInputs, bool AddEosToken = false, bool LikeAlpacaLora = false);

/// <summary>One row: ids, and labels of the same length, <see cref="InstructionDataset.NoLoss"/> where there is no loss.</summary>
/// <param name="PromptLength">Tokens before the first answer, BOS included; it may be above the cutoff.</param>
/// <param name="Truncated">The row lost its end, and with it an EOS.</param>
public sealed record TokenizedRow(int[] InputIds, int[] Labels, int PromptLength, bool Truncated)
{
    /// <summary>Tokens that are predicted with loss. The first token never is: nothing stands before it.</summary>
    public int Targets => Labels.AsSpan(1).Length - Labels.AsSpan(1).Count(InstructionDataset.NoLoss);

    /// <summary>How many answers are learned; -1 where that wasn't counted (compat).</summary>
    public int Answers { get; init; } = -1;

    /// <summary>End-of-sequence tokens in the row that the format put there.</summary>
    public int Stops { get; init; }

    /// <inheritdoc cref="EncodedConversation.NotLearned"/>
    public IReadOnlyList<string> NotLearned { get; init; } = [];
}

/// <summary>
/// Instruction, input, output → a row. Its ids are those of <see cref="PromptFormat.Row"/>, so the mask falls exactly between prompt
/// and answer, and chat sees the very ids of training. Where the template ends with a newline (as the built-in ones do) the ids equal those
/// of the joined text. BOS carries no loss; every answer and its EOS do. A row that is too long is cut on the right; it then has no EOS,
/// and says so.
/// </summary>
public sealed class Preprocessor(HfTokenizer tokenizer, PromptFormat format, PreprocessOptions options)
{
    /// <summary>
    /// A row of at most <see cref="PreprocessOptions.CutoffLen"/> tokens. It may have no <see cref="TokenizedRow.Targets"/>, when the
    /// prompt fills it.
    /// </summary>
    public TokenizedRow Row(string instruction, string? input, string? output) =>
        Row(new Conversation(null, [new(instruction, output ?? "", input)]));

    /// <inheritdoc cref="Row(string, string?, string?)"/>
    /// <param name="conversation">Every turn has its answer.</param>
    public TokenizedRow Row(Conversation conversation) =>
        !options.LikeAlpacaLora ? Apart(conversation)
        : format is PromptTemplate template && conversation is { System: null or "", Turns: [var only] }
            ? Joined(template.Prompt(only.Question, only.Input), only.Answer!)
        : throw new ModelException("alpaca-lora has no format for a conversation of several turns, for a system message or for a chat "
            + "template. Leave compat out, or leave out such records.");

    private TokenizedRow Apart(Conversation conversation)
    {
        var (tokens, answers, told) = format.Row(conversation, tokenizer);
        var kept = Math.Min(tokens.Count, options.CutoffLen);
        var (ids, labels) = (new int[kept], new int[kept]);
        var (promptLength, stops) = (0, 0);
        while (promptLength < tokens.Count && !tokens[promptLength].Learned)
        {
            promptLength++;
        }
        for (var i = 0; i < kept; i++)
        {
            var token = tokens[i];
            (ids[i], labels[i]) = (token.Id, token.Learned || options.TrainOnInputs ? token.Id : InstructionDataset.NoLoss);
            stops += token.Special && token.Id == tokenizer.EosId ? 1 : 0;
        }
        if (kept > 0 && format.MasksFirst(tokenizer))
        {
            labels[0] = InstructionDataset.NoLoss;
        }
        return new(ids, labels, promptLength, kept < tokens.Count) { Answers = answers, Stops = stops, NotLearned = told };
    }

    private TokenizedRow Joined(string prompt, string output)
    {
        var (ids, truncated) = Tokenize(prompt + output, addEos: true);
        var labels = (int[])ids.Clone();
        var promptLength = Tokenize(prompt, options.AddEosToken).Ids.Length - (options.AddEosToken ? 1 : 0);
        if (!options.TrainOnInputs)
        {
            labels.AsSpan(0, Math.Min(promptLength, labels.Length)).Fill(InstructionDataset.NoLoss);
        }
        return new(ids, labels, promptLength, truncated);
    }

    private (int[] Ids, bool Truncated) Tokenize(string text, bool addEos)
    {
        var ids = tokenizer.EncodeLegacy(text, addBos: true);
        if (ids.Length >= options.CutoffLen)
        {
            return (ids[..options.CutoffLen], ids.Length > options.CutoffLen || ids[options.CutoffLen - 1] != tokenizer.EosId);
        }
        return (addEos && ids[^1] != tokenizer.EosId ? [.. ids, tokenizer.EosId] : ids, false);
    }
}
