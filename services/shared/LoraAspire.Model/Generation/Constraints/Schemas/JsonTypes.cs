using System.Text.Json;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

[Flags]
internal enum JsonTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Object = 4,
    Array = 8,
    String = 16,
    Integer = 32,
    /// <summary>Numbers that are no integers.</summary>
    Fraction = 64,
    Number = Integer | Fraction,
    Containers = Object | Array,
    All = Null | Boolean | Containers | String | Number,
}

internal static class JsonTypeNames
{
    public static JsonTypes? Of(string? name) => name switch
    {
        "null" => JsonTypes.Null,
        "boolean" => JsonTypes.Boolean,
        "object" => JsonTypes.Object,
        "array" => JsonTypes.Array,
        "string" => JsonTypes.String,
        "integer" => JsonTypes.Integer,
        "number" => JsonTypes.Number,
        _ => null,
    };

    public static JsonTypes Of(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => JsonTypes.Null,
        JsonValueKind.True or JsonValueKind.False => JsonTypes.Boolean,
        JsonValueKind.Object => JsonTypes.Object,
        JsonValueKind.Array => JsonTypes.Array,
        JsonValueKind.String => JsonTypes.String,
        _ => value.GetRawText().AsSpan().ContainsAny('.', 'e', 'E')
            && !(NumberBound.Of(value, excluded: false) is { } number && number.Scaled % NumberBound.One == 0)
                ? JsonTypes.Fraction : JsonTypes.Integer,
    };
}
