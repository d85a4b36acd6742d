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
/// <param name="Truncated">The answer lost its end, and with it the EOS.</param>
public sealed record TokenizedRow(int[] InputIds, int[] Labels, int PromptLength, bool Truncated)
{
    /// <summary>Tokens that are predicted with loss. The first token never is: nothing stands before it.</summary>
    public int Targets => Labels.AsSpan(1).Length - Labels.AsSpan(1).Count(InstructionDataset.NoLoss);
}

/// <summary>
/// Instruction, input, output → a row. Prompt and answer are encoded apart and joined, the answer without the space mark of a new text,
/// so no token straddles the border, whatever the template ends with, and the mask falls exactly between them; chat, which encodes the
/// prompt alone, then sees the very ids of training. Where the template ends with a newline (as the built-in ones do) the ids equal
/// those of the joined text. BOS carries no loss. A row that is too long is cut on the right; it then has no EOS, and says so.
/// </summary>
public sealed class Preprocessor(HfTokenizer tokenizer, PromptTemplate template, PreprocessOptions options)
{
    /// <summary>A row of at most <see cref="PreprocessOptions.CutoffLen"/> tokens. It may have no <see cref="TokenizedRow.Targets"/>, when the prompt fills it.</summary>
    public TokenizedRow Row(string instruction, string? input, string? output)
    {
        var prompt = template.Prompt(instruction, input);
        return options.LikeAlpacaLora ? LikeAlpacaLora(prompt, output ?? "") : Split(prompt, output ?? "");
    }

    private TokenizedRow Split(string prompt, string output)
    {
        var before = tokenizer.Encode(prompt, addBos: true);
        int[] ids = [.. before, .. tokenizer.EncodeContinuation(output), tokenizer.EosId];
        var truncated = ids.Length > options.CutoffLen;
        ids = truncated ? ids[..options.CutoffLen] : ids;
        var labels = (int[])ids.Clone();
        var masked = !options.TrainOnInputs ? before.Length : tokenizer.BosId >= 0 ? 1 : 0;
        labels.AsSpan(0, Math.Min(masked, labels.Length)).Fill(InstructionDataset.NoLoss);
        return new(ids, labels, before.Length, truncated);
    }

    private TokenizedRow LikeAlpacaLora(string prompt, string output)
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
