using LoraAspire.Model;
using LoraAspire.Model.Data;

namespace LoraAspire.Fuzz.Targets;

/// <summary>What data-build writes, after others had it in their hands.</summary>
internal static class DatasetTargets
{
    private const string Summary = """
        {"rows": 3, "total": {"records": 3, "written": 3, "dropped": {"too long": 1}, "truncated": 0, "tokens": 9, "loss_tokens": 4},
         "sources": {"a.json": {"records": 3, "written": 3, "dropped": {}, "truncated": 0, "tokens": 9, "loss_tokens": 4}}, "masked_share": 0.5, "length_histogram": {"1-16": 3, "17-32": 0},
         "prompt_template_name": "plain", "cutoff_len": 128, "train_on_inputs": false, "notes": ["n"], "unlike_alpaca_lora": {"no_eos": 1},
         "lineage": {"stage": "data-build@3", "prompt_template": "sha256:aa", "tokenizer": {"tokenizer.model": "sha256:bb"}, "data": {"a.json": "sha256:cc"}}}
        """;

    public static IEnumerable<Target> In(Scratch scratch)
    {
        var folder = scratch.Folder("arrow");
        yield return new("arrow", () => [Arrow(scratch.Folder("arrow-whole"))], bytes =>
        {
            Scratch.Write(folder, InstructionDataset.FileName, bytes);
            using var rows = InstructionDataset.Open(folder);
            for (var row = 0; row < rows.Count; row++)
            {
                var sum = 0L;
                foreach (var id in rows.InputIds(row))
                {
                    sum += id;
                }
                foreach (var label in rows.Labels(row))
                {
                    sum += label;
                }
                rows.Origin(row);
            }
            rows.RequireIdsBelow(3000);
        }, typeof(ModelException));
        var summaries = scratch.Folder("dataset-json");
        yield return new("dataset-json", () => [AllTargets.Utf8(Summary)], bytes =>
        {
            Scratch.Write(summaries, DatasetFacts.FileName, bytes);
            var facts = DatasetFacts.Read(summaries);
            TableTargets.Drain(facts.Sources.SelectMany(source => source.Value.Dropped));
            TableTargets.Drain(facts.Lineage?.Digests() ?? []);
        }, typeof(ModelException))
        { Words = AllTargets.JsonWords };
    }

    private static byte[] Arrow(string folder)
    {
        using (InstructionDatasetWriter writer = new(folder))
        {
            for (var row = 0; row < 6; row++)
            {
                writer.Add([1, 5 + row, 7, 2], [InstructionDataset.NoLoss, InstructionDataset.NoLoss, 7, 2], row < 4 ? "a.json" : "grammar",
                    row, row + 1);
            }
            writer.Complete();
        }
        return File.ReadAllBytes(Path.Combine(folder, InstructionDataset.FileName));
    }
}
