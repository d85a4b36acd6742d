using System.Globalization;

namespace LoraAspire.Pipelines.Terminal;

/// <summary>How long something took, as people read it.</summary>
public static class Duration
{
    /// <summary>Of a number of seconds; "long" of one that no clock has.</summary>
    public static string OfSeconds(double seconds) => double.IsNaN(seconds) || Math.Abs(seconds) >= TimeSpan.MaxValue.TotalSeconds ? "long" : Text(TimeSpan.FromSeconds(seconds));

    /// <summary>4:05, 3:04:05, 2d 3:04:05. A part of a second counts as none.</summary>
    public static string Text(TimeSpan span)
    {
        var whole = span < TimeSpan.Zero ? TimeSpan.Zero : span;
        return whole.ToString(whole.Days > 0 ? @"d\d\ h\:mm\:ss" : whole.Hours > 0 ? @"h\:mm\:ss" : @"m\:ss", CultureInfo.InvariantCulture);
    }
}
