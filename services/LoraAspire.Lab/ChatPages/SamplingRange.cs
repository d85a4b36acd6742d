using System.Globalization;

namespace LoraAspire.Lab.ChatPages;

/// <summary>What a value of <see cref="Sampling"/> may be, as the chat service takes it.</summary>
public sealed record SamplingRange(double Least, double Most, bool IsWhole = false)
{
    public static readonly SamplingRange
        Temperature = new(0, 2),
        TopP = new(0, 1),
        TopK = new(0, 1_000_000, IsWhole: true),
        RepetitionPenalty = new(0.01, 100),
        MaxTokens = new(1, 1_000_000, IsWhole: true),
        Seed = new(0, int.MaxValue, IsWhole: true);

    public static bool Takes(Sampling sampling) =>
        Temperature.Takes(sampling.Temperature) && TopP.Takes(sampling.TopP) && TopK.Takes(sampling.TopK)
        && RepetitionPenalty.Takes(sampling.RepetitionPenalty) && MaxTokens.Takes(sampling.MaxTokens) && Seed.Takes(sampling.Seed);

    public bool Takes(double? value) =>
        value is not { } given || given >= Least && given <= Most && (!IsWhole || given == Math.Floor(given));

    /// <summary>What a person wrote: null where the field is empty.</summary>
    /// <returns>False where it is no value of this range.</returns>
    public bool TryRead(string? text, out double? value)
    {
        value = null;
        if (string.IsNullOrWhiteSpace(text))
        {
            return true;
        }
        // A comma is a decimal point in half of the world.
        var read = double.TryParse(text.Trim().Replace(',', '.'), NumberStyles.Float, CultureInfo.InvariantCulture, out var given);
        value = read && Takes(given) ? given : null;
        return value is not null;
    }
}
