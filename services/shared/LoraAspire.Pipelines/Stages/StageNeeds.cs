using System.Globalization;
using System.Text.RegularExpressions;

namespace LoraAspire.Pipelines.Stages;

/// <summary>What the machine of a worker must have that does a stage. No part of the stage's identity.</summary>
/// <param name="GpuMemory">Whole GiB of one GPU.</param>
public sealed record StageNeeds(int GpuMemory)
{
    public bool IsInRange => GpuMemory is >= 1 and <= GpuSize.Most;

    public override string ToString() => $"{GpuMemory} GiB of GPU memory";
}

/// <summary>The memory of a GPU in whole GiB, as people write it.</summary>
public static partial class GpuSize
{
    public const int Most = 1024;

    /// <summary>As it is written for people, after "is".</summary>
    public const string Form = "a size with its unit, from 1GiB to 1024GiB, such as 40GiB";

    private const double Gibibyte = 1 << 30;

    /// <summary>
    /// What a person wrote, at least: 40GiB, 23.5GiB, 40960MiB, and 40GB for the same as 40GiB, as cards are sold. Null of anything else,
    /// and of what is out of range.
    /// </summary>
    public static int? Read(string text)
    {
        var match = Written().Match(text);
        if (!match.Success)
        {
            return null;
        }
        var bytes = double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
            * (match.Groups[2].Value[0] == 'G' ? Gibibyte : 1 << 20);
        return Math.Ceiling(bytes / Gibibyte) is >= 1 and <= Most and var size ? (int)size : null;
    }

    /// <summary>The nearest: a driver keeps a little of what a card is sold as.</summary>
    public static int Of(long bytes) => (int)Math.Clamp(Math.Round(bytes / Gibibyte), 0, Most);

    [GeneratedRegex(@"^([0-9]{1,9}(?:\.[0-9]{1,6})?)(GiB|MiB|GB|MB)\z")]
    private static partial Regex Written();
}
