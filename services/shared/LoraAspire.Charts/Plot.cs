using System.Globalization;
using System.Text;

namespace LoraAspire.Charts;

/// <summary>One point of a curve. <paramref name="Step"/> counts optimiser steps.</summary>
public readonly record struct CurvePoint(double Step, double Value);

/// <summary>From values to places on a plot whose corner (0, 0) is top left and (100, 100) bottom right.</summary>
public sealed record Plot(double FirstStep, double LastStep, double Low, double High)
{
    private const int Columns = 400;

    /// <summary>A plot that holds every point, with round numbers at its rules.</summary>
    /// <param name="total">Steps to come, so that the curve grows towards a known end; 0 when unknown.</param>
    public static Plot Of(IEnumerable<CurvePoint> points, double total)
    {
        var all = points.ToList();
        var (low, high) = (all.Min(point => point.Value), all.Max(point => point.Value));
        var tick = Tick(high > low ? high - low : Math.Max(Math.Abs(high), 1e-12));
        return new(0, Math.Max(total, Math.Max(1, all.Max(point => point.Step))), Math.Floor(low / tick) * tick,
            (Math.Floor(high / tick) + 1) * tick);
    }

    /// <summary>Round values between bottom and top, from below.</summary>
    public IEnumerable<double> Rules
    {
        get
        {
            var tick = Tick(High - Low);
            for (var count = 0; Low + count * tick <= High + tick / 1000; count++)
            {
                yield return Low + count * tick;
            }
        }
    }

    /// <summary>Round steps along the bottom.</summary>
    public IEnumerable<double> Steps
    {
        get
        {
            var tick = Math.Max(1, Tick(LastStep - FirstStep));
            for (var step = FirstStep; step <= LastStep; step += tick)
            {
                yield return step;
            }
        }
    }

    public double X(double step) => 100 * (step - FirstStep) / (LastStep - FirstStep);

    public double Y(double value) => 100 * (High - value) / (High - Low);

    /// <summary>The curve as an SVG path. More points than a screen can show are averaged, column by column.</summary>
    public string Path(IReadOnlyList<CurvePoint> points)
    {
        var path = new StringBuilder();
        foreach (var point in Thin(points))
        {
            path.Append(path.Length == 0 ? 'M' : 'L').Append(CultureInfo.InvariantCulture, $"{X(point.Step):0.##} {Y(point.Value):0.##}");
        }
        return path.ToString();
    }

    /// <summary>
    /// The trend in noise: at each point the mean of it and up to <paramref name="reach"/> neighbours on both sides, fewer near the ends.
    /// </summary>
    public static IReadOnlyList<CurvePoint> Smooth(IReadOnlyList<CurvePoint> points, int reach = 6)
    {
        var smooth = new CurvePoint[points.Count];
        for (var at = 0; at < points.Count; at++)
        {
            var near = Math.Min(reach, Math.Min(at, points.Count - 1 - at));
            smooth[at] =
                points[at] with { Value = Enumerable.Range(at - near, 2 * near + 1).Average(neighbour => points[neighbour].Value) };
        }
        return smooth;
    }

    /// <summary>At most <paramref name="columns"/> points that stand for all.</summary>
    public static IReadOnlyList<CurvePoint> Thin(IReadOnlyList<CurvePoint> points, int columns = Columns)
    {
        var size = (points.Count + columns - 1) / columns;
        return size <= 1 ? points
            : [.. points.Chunk(size).Select(chunk => new CurvePoint(chunk[^1].Step, chunk.Average(point => point.Value)))];
    }

    // 1, 2 or 5 times a power of ten, four to nine of them in the span.
    private static double Tick(double span)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(span / 4)));
        return (span / 4 / power) switch { >= 5 => 5 * power, >= 2 => 2 * power, _ => power };
    }
}
