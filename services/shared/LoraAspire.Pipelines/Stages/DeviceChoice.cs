using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace LoraAspire.Pipelines.Stages;

/// <summary>How many devices a training takes, or which GPUs: <c>auto</c>, a number of devices, or a list of GPUs' numbers.</summary>
[JsonConverter(typeof(DeviceChoiceJson))]
public sealed record DeviceChoice
{
    public const string Forms = "auto, a number of devices from 1 to 64, or a list of different GPUs' numbers, such as [0, 1]";

    private const int Most = 64;
    private const string Every = "auto";

    private DeviceChoice(string text) => Text = text;

    public static DeviceChoice One { get; } = new("1");

    /// <summary>As it is written: auto, 2, [0, 1].</summary>
    public string Text { get; }

    /// <summary>Every GPU that there is.</summary>
    public bool IsAuto => Text == Every;

    /// <summary>Numbers of GPUs, as CUDA counts them; null where they aren't named.</summary>
    public IReadOnlyList<int>? Gpus => Text.StartsWith('[')
        ? [.. Text[1..^1].Split(',').Select(number => int.Parse(number, CultureInfo.InvariantCulture))] : null;

    /// <summary>How many devices; null for <c>auto</c>.</summary>
    public int? Count => IsAuto ? null : Gpus?.Count ?? int.Parse(Text, CultureInfo.InvariantCulture);

    /// <summary>Null when it is none of the <see cref="Forms"/>.</summary>
    public static DeviceChoice? Of(string text) => text is Every ? new(Every)
        : text is ['[', .. var numbers, ']'] ? OfGpus(numbers.Split(','))
        : Number(text) is >= 1 and var count ? new($"{count}") : null;

    /// <summary>Null when they aren't different numbers.</summary>
    public static DeviceChoice? OfGpus(IReadOnlyList<string> numbers)
    {
        var known = numbers.Select(Number).ToList();
        return known.Count is > 0 and <= Most && known.All(number => number is not null) && known.Distinct().Count() == known.Count
            ? new($"[{string.Join(", ", known)}]") : null;
    }

    private static int? Number(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var number)
            && number is >= 0 and <= Most ? number : null;

    public override string ToString() => Text;

    private sealed class DeviceChoiceJson : JsonConverter<DeviceChoice>
    {
        public override DeviceChoice Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Of(reader.GetString() ?? "") ?? throw new JsonException($"devices is {Forms}");

        public override void Write(Utf8JsonWriter writer, DeviceChoice value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Text);
    }
}
