using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Evaluator.Asking;

/// <summary>Rows of a data set that training didn't hold: the very ids of its prompts, and its answers as references.</summary>
internal static class DatasetRows
{
    /// <param name="trained">What training held beside this data set; its own training rows are added.</param>
    /// <exception cref="StageException">No row is left, or it can't be told where answers begin.</exception>
    public static IReadOnlyList<HeldOutRow> Read(string folder, EvaluatorParams with, TrainedTexts trained)
    {
        using var data = DatasetFolder.Open(folder);
        IEnumerable<int> heldOut;
        if (with.Split == RowsOf.All)
        {
            heldOut = Enumerable.Range(0, data.Rows.Count);
        }
        else
        {
            var count = ValidationRows.Of(with.ValSetSize, data.Rows.Count);
            if (count <= 0 || count >= data.Rows.Count)
            {
                throw new StageException($"val_set_size holds out {count} of the data set's {data.Rows.Count} rows. It must be the "
                    + "trainer's; a data set of held-out records alone takes split: all.");
            }
            var split = RowSplit.Of(data.Rows, count, with.Seed, withCopies: false);
            trained.Add(data, split.Training);
            heldOut = split.HeldOut;
        }
        AnswerStart start = new(data, PromptFormat.Of(folder));
        List<HeldOutRow> rows = [.. heldOut.Where(row => !trained.Holds(data, row)).Select(start.Row).OfType<HeldOutRow>()];
        return rows.Count > 0 ? rows : throw new StageException(trained.Left > 0
            ? $"All of the data set's held-out rows stand in training too, with prompt and answer ({trained.Left} of them): nothing is "
                + "left to be measured. Hold out other records."
            : "It can't be told where the answers of the data set begin: build it with train_on_inputs: false.");
    }

    /// <summary>Rows are asked, and their answers measured, by their ids: to whoever is asked they must be the same texts.</summary>
    /// <exception cref="StageException">To a model's tokenizer they are others, or none.</exception>
    /// <exception cref="ModelException">A folder has no tokenizer, or a damaged one.</exception>
    public static void RequireSame(IReadOnlyList<HeldOutRow> rows, IEnumerable<Contestant> models)
    {
        foreach (var model in models.DistinctBy(model => model.Folder))
        {
            var tokenizer = HfTokenizer.Load(model.Folder);
            if (!rows.All(row => row.Tokens is not { } tokens || IsSame(tokenizer, row, tokens)))
            {
                throw new StageException($"The data set's rows are other texts to the tokenizer of '{model.Name}' than to the one that "
                    + "they were made with: only models with the data set's tokenizer can be asked its rows. Give the records as a file, "
                    + "by held_out.");
            }
        }
    }

    private static bool IsSame(HfTokenizer tokenizer, HeldOutRow row, TokenizedRow tokens) =>
        Array.TrueForAll(tokens.InputIds, tokenizer.Knows)
        && Texts(tokenizer, tokens.InputIds, tokens.PromptLength) == (row.Question, row.References[0]);

    private static (string Prompt, string Answer) Texts(HfTokenizer tokenizer, int[] ids, int start) =>
        (tokenizer.Decode(ids[..start]), tokenizer.Decode(ids[start..]).Trim());

    /// <summary>Where answers begin in rows: where loss does, or behind what stands between every question and its answer.</summary>
    private sealed class AnswerStart(DatasetFolder data, PromptFormat? format)
    {
        /// <summary>Questions that end otherwise: a tokenizer may join a full stop to the line break behind it.</summary>
        private static readonly string[] s_ends = ["a", "b.", "c?", "d)", "e\""];

        private readonly int[] _mark = data.Facts.TrainOnInputs && format is not null
            ? Shared([.. s_ends.Select(text => format.Prompt(new(null, [new(text)]), data.Tokenizer))]) : [];

        /// <summary>Null for a row without an answer.</summary>
        public HeldOutRow? Row(int row)
        {
            var ids = data.Rows.InputIds(row).ToArray();
            var labels = data.Rows.Labels(row).ToArray();
            var start = data.Facts.TrainOnInputs ? AfterMark(ids) : LastStretch(labels);
            if (start <= 0 || start >= ids.Length)
            {
                return null;
            }
            labels.AsSpan(0, start).Fill(InstructionDataset.NoLoss);
            ids.AsSpan(start).CopyTo(labels.AsSpan(start));
            var (prompt, answer) = Texts(data.Tokenizer, ids, start);
            return new(prompt, null, [answer]) { Tokens = new(ids, labels, start, Truncated: false) };
        }

        private int AfterMark(int[] ids) =>
            _mark.Length > 0 && ids.AsSpan().LastIndexOf(_mark) is >= 0 and var at ? at + _mark.Length : -1;

        private static int LastStretch(int[] labels)
        {
            var start = labels.Length;
            while (start > 0 && labels[start - 1] != InstructionDataset.NoLoss)
            {
                start--;
            }
            return start;
        }

        private static int[] Shared(IReadOnlyList<int[]> prompts)
        {
            var length = 0;
            while (prompts.All(ids => ids.Length > length && ids[^(length + 1)] == prompts[0][^(length + 1)]))
            {
                length++;
            }
            return prompts[0][^length..];
        }
    }
}
