namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Which tables of the rotary embedding a micro-batch's rows turn by, laid one below the other. With dynamic scaling a row beyond the
/// context that the model was made for has frequencies of its own length; all others share one table.
/// </summary>
/// <param name="Within">Tokens of the longest row that takes the shared table; 0 where none does.</param>
/// <param name="Beyond">The other rows' lengths, each once.</param>
internal sealed record RotaryLengths(int Within, IReadOnlyList<int> Beyond)
{
    /// <param name="context">The longest row that takes the shared table.</param>
    public static RotaryLengths Of(IEnumerable<TrainingRow> rows, int context)
    {
        var lengths = rows.Select(row => row.InputIds.Length).Distinct().Order().ToList();
        return new(lengths.LastOrDefault(length => length <= context), [.. lengths.Where(length => length > context)]);
    }

    /// <summary>The place of position 0 of a row of this length.</summary>
    public int StartOf(int length) => length <= Within ? 0 : Within + Beyond.TakeWhile(other => other != length).Sum();
}
