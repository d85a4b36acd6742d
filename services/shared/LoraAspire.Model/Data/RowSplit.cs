namespace LoraAspire.Model.Data;

/// <summary>A data set's rows, both parts ascending. Rows that are in neither part are copies of a held-out record, or its other
/// direction: a model must not have seen what it is measured on.</summary>
public sealed record RowSplit(IReadOnlyList<int> Training, IReadOnlyList<int> HeldOut)
{
    /// <summary>Draws held-out rows by the seed: every trainer and evaluator with the same numbers draws the same.</summary>
    /// <param name="count">Fewer than there are rows.</param>
    /// <param name="withCopies">Copies of held-out records stay in training, as alpaca-lora leaves them.</param>
    public static RowSplit Of(InstructionDataset rows, int count, int seed, bool withCopies)
    {
        var order = Enumerable.Range(0, rows.Count).ToArray();
        new Random(seed).Shuffle(order);
        int[] heldOut = [.. order[..count].Order()], rest = [.. order[count..].Order()];
        var records = heldOut.Select(rows.Record).ToHashSet();
        return new(withCopies || records.Count == 0 ? rest : [.. rest.Where(row => !records.Contains(rows.Record(row)))], heldOut);
    }
}
