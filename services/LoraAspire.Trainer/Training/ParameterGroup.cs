namespace LoraAspire.Trainer.Training;

/// <summary>Stretches of a parameter set's vectors that the optimiser treats alike; neighbours are one stretch.</summary>
/// <param name="Rate">What their learning rate is multiplied by (LoRA+).</param>
/// <param name="Decays">Weight decay applies to them.</param>
public sealed record ParameterGroup(double Rate, bool Decays, IReadOnlyList<(long Start, long Length)> Stretches)
{
    /// <param name="tensors">As they lie one after another.</param>
    public static IReadOnlyList<ParameterGroup> Of(IEnumerable<(long Length, double Rate, bool Decays)> tensors)
    {
        Dictionary<(double Rate, bool Decays), List<(long Start, long Length)>> groups = [];
        long offset = 0;
        foreach (var (length, rate, decays) in tensors)
        {
            if (!groups.TryGetValue((rate, decays), out var stretches))
            {
                groups[(rate, decays)] = stretches = [];
            }
            if (stretches is [.., var last] && last.Start + last.Length == offset)
            {
                stretches[^1] = (last.Start, last.Length + length);
            }
            else
            {
                stretches.Add((offset, length));
            }
            offset += length;
        }
        return [.. groups.Select(group => new ParameterGroup(group.Key.Rate, group.Key.Decays, group.Value))];
    }

    /// <summary>The same stretches, none of them longer than this.</summary>
    public IEnumerable<(long Start, long Length)> Pieces(long longest) =>
        from stretch in Stretches
        from piece in Enumerable.Range(0, (int)((stretch.Length + longest - 1) / longest))
        select (stretch.Start + (piece * longest), Math.Min(longest, stretch.Length - (piece * longest)));
}
