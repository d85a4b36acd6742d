using System.Globalization;
using System.Text.Json;

namespace LoraAspire.Model.Network;

/// <summary>A JSON object's fields, with errors that name the file and the field.</summary>
internal sealed record ConfigFields(JsonElement Element, string Path)
{
    public bool Has(string name) => Element.TryGetProperty(name, out var value) && value.ValueKind is not JsonValueKind.Null;

    public string? Text(string name) => Get(name, JsonValueKind.String)?.GetString();

    /// <summary>A finite number.</summary>
    public double? Number(string name) => Get(name, JsonValueKind.Number)?.GetDouble() is not { } number ? null
        : double.IsFinite(number) ? number : throw Refuse(name, "is too large a number");

    /// <summary>A number within bounds.</summary>
    /// <param name="above">It must be greater than this.</param>
    public double? Number(string name, double above, double most = double.MaxValue) => Number(name) is not { } number ? null
        : number > above && number <= most ? number
        : throw Refuse(name, string.Create(CultureInfo.InvariantCulture,
            $"is {number}; it must be above {above}{(most == double.MaxValue ? "" : $" and at most {most}")}"));

    public bool? Flag(string name) =>
        !Has(name) ? null : Element.GetProperty(name).ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Refuse(name, "must be true or false"),
        };

    public ConfigFields? Object(string name) => Get(name, JsonValueKind.Object) is { } element ? new ConfigFields(element, Path) : null;

    public string[]? Texts(string name) =>
        Get(name, JsonValueKind.Array)?.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String ? item.GetString()!
            : throw Refuse(name, $"has {item.GetRawText()} in its list, which is not a string")).ToArray();

    /// <summary>A whole number from 1 to <paramref name="most"/>.</summary>
    public int Size(string name, int most) => SizeOr(name, null, most);

    /// <inheritdoc cref="Size"/>
    /// <param name="fallback">Where there is no such field.</param>
    public int SizeOr(string name, int? fallback, int most)
    {
        var value = Number(name) ?? fallback ?? throw Refuse(name, "is missing");
        return value >= 1 && value <= most && value == Math.Floor(value)
            ? (int)value
            : throw Refuse(name, string.Create(CultureInfo.InvariantCulture, $"is {value}; it must be a whole number from 1 to {most}"));
    }

    /// <summary>Whole numbers.</summary>
    public long[] Numbers(string name) =>
        Get(name, JsonValueKind.Array)?.EnumerateArray().Select(item =>
            item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var number) ? number
                : throw Refuse(name, $"has {item.GetRawText()} in its list, which is no whole number")).ToArray()
            ?? throw Refuse(name, "is missing");

    public ModelException Refuse(string name, string problem) => new($"{Path}: '{name}' {problem}.");

    private JsonElement? Get(string name, JsonValueKind kind) =>
        !Has(name) ? null
        : Element.GetProperty(name) is { } value && value.ValueKind == kind ? value
        : throw Refuse(name, kind switch
        {
            JsonValueKind.Array => "must be a list",
            JsonValueKind.Object => "must be an object",
            _ => $"must be a {kind.ToString().ToLowerInvariant()}",
        });
}
