using System.Text.Json;

namespace LoraAspire.Model;

/// <summary>config.json's fields, with errors that name the file and the field.</summary>
internal sealed record ConfigFields(JsonElement Element, string Path)
{
    public bool Has(string name) => Element.TryGetProperty(name, out var value) && value.ValueKind is not JsonValueKind.Null;

    public string? Text(string name) => Get(name, JsonValueKind.String)?.GetString();

    public double? Number(string name) => Get(name, JsonValueKind.Number)?.GetDouble();

    public bool? Flag(string name) =>
        !Has(name) ? null : Element.GetProperty(name).ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Refuse(name, "must be true or false"),
        };

    public ConfigFields? Object(string name) => Get(name, JsonValueKind.Object) is { } element ? new ConfigFields(element, Path) : null;

    public string[]? Texts(string name) => Get(name, JsonValueKind.Array)?.EnumerateArray().Select(item => item.GetString() ?? "").ToArray();

    public int Size(string name) => SizeOr(name, null);

    public int SizeOr(string name, int? fallback)
    {
        var value = Number(name) ?? fallback ?? throw Refuse(name, "is missing");
        return value is >= 1 and <= int.MaxValue && value == Math.Floor(value)
            ? (int)value
            : throw Refuse(name, $"is {value}; it must be a whole number above 0");
    }

    public ModelException Refuse(string name, string problem) => new($"{Path}: '{name}' {problem}.");

    private JsonElement? Get(string name, JsonValueKind kind) =>
        !Has(name) ? null
        : Element.GetProperty(name) is { } value && value.ValueKind == kind ? value
        : throw Refuse(name, $"must be a {kind.ToString().ToLowerInvariant()}");
}
