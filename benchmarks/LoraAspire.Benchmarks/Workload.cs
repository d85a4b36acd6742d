using System.Text.Json;
using LoraAspire.Model.Data;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Benchmarks;

/// <summary>Random rows of given lengths: what is in them doesn't change how long a step takes.</summary>
internal static class Workload
{
    private const double PromptShare = 0.4;

    /// <summary>The steps of 128 rows that alpaca_lengths.json names as measured, each sorted by length.</summary>
    public static IReadOnlyList<int[]> AlpacaSteps(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        var meta = document.RootElement.GetProperty("meta");
        var batch = meta.GetProperty("batch_size").GetInt32();
        var lengths = document.RootElement.GetProperty("megabatch").Deserialize<int[]>()!;
        return [.. meta.GetProperty("measured_steps").Deserialize<int[]>()!.Select(step => lengths[(step * batch)..((step + 1) * batch)])];
    }

    /// <summary>Steps of the rows of a data set that data-build wrote, in its order.</summary>
    public static IReadOnlyList<IReadOnlyList<TrainingRow>> DataSteps(string folder, int batch)
    {
        using var data = InstructionDataset.Open(folder);
        (int[] InputIds, int[] Labels) Row(int row) => (data.InputIds(row).ToArray(), data.Labels(row).ToArray());
        return [.. Enumerable.Range(0, data.Count).Chunk(batch).Where(step => step.Length == batch)
            .Select(step => MicroBatch.Weigh([.. step.Select(Row)], Compat.None, batch, batch))];
    }

    /// <summary>One optimiser step: rows of these lengths.</summary>
    public static IReadOnlyList<TrainingRow> Step(int[] lengths, int vocabSize, int seed)
    {
        var random = new Random(seed);
        var rows = lengths.Select(length => Row(random, length, vocabSize)).ToList();
        return MicroBatch.Weigh(rows, Compat.None, rows.Count, rows.Count);
    }

    private static (int[] InputIds, int[] Labels) Row(Random random, int length, int vocabSize)
    {
        var ids = Enumerable.Range(0, length).Select(_ => random.Next(3, vocabSize)).ToArray();
        var labels = ids.Select((id, i) => i < (int)(PromptShare * length) ? -100 : id).ToArray();
        return (ids, labels);
    }
}
