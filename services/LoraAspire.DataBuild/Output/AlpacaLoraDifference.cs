using LoraAspire.Model.Data;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.DataBuild.Output;

/// <summary>
/// Why a row isn't the one that alpaca-lora would have made of the record. Each is a defect of the original that the default mends.
/// </summary>
internal enum RowDifference
{
    None,
    /// <summary>A text holds "&lt;/s&gt;" or the like; alpaca-lora makes a special token of it.</summary>
    TypedSpecialToken,
    /// <summary>The template doesn't end with a newline, and alpaca-lora merges tokens over the border to the answer.</summary>
    MergedOverBoundary,
    /// <summary>alpaca-lora knows single turns only.</summary>
    Conversation,
    /// <summary>None of the known reasons: to be looked at.</summary>
    Unexplained,
}

/// <summary>
/// Compares a row of full length with alpaca-lora's own. What is longer than cutoff_len is counted apart, as truncated or dropped.
/// </summary>
internal sealed class AlpacaLoraDifference(HfTokenizer tokenizer, PromptTemplate template, DataBuildParams with)
{
    private readonly Preprocessor _original =
        new(tokenizer, template, new(with.CutoffLen, with.TrainOnInputs, with.AddEosToken, LikeAlpacaLora: true));

    public RowDifference Of(Conversation conversation, TokenizedRow row)
    {
        if (conversation is not { System: null or "", Turns: [var turn] })
        {
            return RowDifference.Conversation;
        }
        if (row.Truncated)
        {
            return RowDifference.None;
        }
        var original = _original.Row(conversation);
        // The first label is never a target.
        if (row.InputIds.AsSpan().SequenceEqual(original.InputIds) && row.Labels.AsSpan(1).SequenceEqual(original.Labels.AsSpan(1)))
        {
            return RowDifference.None;
        }
        return new[] { turn.Question, turn.Input, turn.Answer }.Any(text => tokenizer.HoldsSpecialTokens(text ?? ""))
            ? RowDifference.TypedSpecialToken
            : !template.EndsWithNewline ? RowDifference.MergedOverBoundary
            : RowDifference.Unexplained;
    }
}
