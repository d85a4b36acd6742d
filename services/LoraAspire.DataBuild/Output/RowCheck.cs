using LoraAspire.Model.Data;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.DataBuild.Output;

/// <summary>What must hold for every row before a GPU sees it, whatever made it: checked on the ids and labels themselves.</summary>
/// <param name="likeAlpacaLora">The original's defects are wanted; only what it never does is refused.</param>
/// <param name="ownMarks">A chat template closes answers with its own tokens.</param>
internal sealed class RowCheck(HfTokenizer tokenizer, bool likeAlpacaLora, bool ownMarks = false)
{
    /// <summary>What is wrong with the row, in words for the user, or null.</summary>
    public string? Problem(TokenizedRow row)
    {
        var (ids, labels) = (row.InputIds, row.Labels);
        if (ids.Length == 0 || ids.Length != labels.Length)
        {
            return $"{ids.Length} ids but {labels.Length} labels. This is a fault of data-build: please report it with the record.";
        }
        for (var i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)tokenizer.VocabSize || labels[i] != InstructionDataset.NoLoss && labels[i] != ids[i])
            {
                return $"token {i} has id {ids[i]} and label {labels[i]}, with a vocabulary of {tokenizer.VocabSize}. The tokenizer "
                    + "files don't belong together: copy them again from the base model.";
            }
        }
        if (!ownMarks && !row.Truncated && (ids[^1] != tokenizer.EosId || labels[^1] == InstructionDataset.NoLoss && !likeAlpacaLora))
        {
            return "the row has room for the end-of-sequence token, but doesn't end with it under loss: the answer would never learn to "
                + "stop. Look at eos_token in the tokenizer's configuration.";
        }
        if (likeAlpacaLora)
        {
            return null;
        }
        if (row.Targets == 0)
        {
            return "all labels are masked: no token of the answer would be learned.";
        }
        var stops = ids.AsSpan().Count(tokenizer.EosId);
        if (stops != row.Stops)
        {
            return $"{stops} end-of-sequence tokens, of which {row.Stops} close an answer or stand in the template: text of the "
                + "record was read as a special token. The "
                + "tokenizer's eos_token must not be an ordinary word.";
        }
        return row.PromptLength < ids.Length && labels[row.PromptLength] == InstructionDataset.NoLoss
            ? $"the answer starts at token {row.PromptLength}, but that token carries no loss: it was merged over the boundary of prompt "
                + "and answer. Let the prompt template end with a newline."
            : null;
    }
}
