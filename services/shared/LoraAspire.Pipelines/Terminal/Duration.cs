using System.Globalization;
using System.Text.RegularExpressions;

namespace LoraAspire.Pipelines.Terminal;

/// <summary>How long something took or may take, as people read and write it.</summary>
public static partial class Duration
{
    /// <summary>What a person wrote, a number with its unit: 90s, 30m, 6h, 2d. NaN of anything else.</summary>
    public static double Seconds(string text)
    {
        var match = Form().Match(text);
        return match.Success
            ? double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * match.Groups[2].Value switch
            {
                "s" => 1,
                "m" => 60,
                "h" =>
                3600,
                _ => 86_400
            } : double.NaN;
    }

    /// <summary>What an environment variable says as a number with its unit, from 1s to so many days.</summary>
    /// <param name="such">Examples, and what else may stand there.</param>
    /// <exception cref="FormatException">It is no such time; the message says what is.</exception>
    public static TimeSpan OfVariable(string variable, string text, int days, string such) =>
        Seconds(text) is >= 1 and var seconds && seconds <= TimeSpan.FromDays(days).TotalSeconds ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"{variable} is a number with its unit, from 1s to {days}d, such as {such}. It is "
                + $"'{TerminalText.Clean(text)}'.");

    /// <summary>Of a number of seconds; "long" of one that no clock has.</summary>
    public static string OfSeconds(double seconds) =>
        double.IsNaN(seconds) || Math.Abs(seconds) >= TimeSpan.MaxValue.TotalSeconds ? "long" : Text(TimeSpan.FromSeconds(seconds));

    /// <summary>4:05, 3:04:05, 2d 3:04:05. A part of a second counts as none.</summary>
    public static string Text(TimeSpan span)
    {
        var whole = span < TimeSpan.Zero ? TimeSpan.Zero : span;
        return whole.ToString(whole.Days > 0 ? @"d\d\ h\:mm\:ss" : whole.Hours > 0 ? @"h\:mm\:ss" : @"m\:ss", CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^([0-9]{1,20}(?:\.[0-9]{1,20})?)(s|m|h|d)\z")]
    private static partial Regex Form();
}
