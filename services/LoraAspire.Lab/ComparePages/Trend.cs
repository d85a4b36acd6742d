using LoraAspire.Charts;

namespace LoraAspire.Lab.ComparePages;

/// <summary>The trend in noise.</summary>
internal static class Trend
{
    /// <summary>Fewer points than these are drawn as they are.</summary>
    private const int Few = 30;

    /// <summary>Neighbours on each side that a point is averaged with.</summary>
    private const int Reach = 6;

    /// <summary>At each point the mean of it and its neighbours on both sides, fewer near the ends.</summary>
    public static IReadOnlyList<CurvePoint> Of(IReadOnlyList<CurvePoint> points) => points.Count <= Few ? points
        : [.. points.Select((point, at) =>
        {
            var near = Math.Min(Reach, Math.Min(at, points.Count - 1 - at));
            return point with { Value = points.Skip(at - near).Take(2 * near + 1).Average(neighbour => neighbour.Value) };
        })];
}
