using System.Text.Json;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>What a schema's own keywords say, those aside that combine schemas.</summary>
internal static class SchemaKeywords
{
    /// <exception cref="ConstraintException">A keyword that answers can't be held to, or a value that it can't have.</exception>
    public static Facts Read(Subschema schema)
    {
        var facts = Facts.Any;
        foreach (var property in schema.Element.EnumerateObject())
        {
            var said = Of(schema.At(property.Name, property.Value), property.Name, schema.Element);
            facts = facts.And(said ?? Facts.Any) ?? throw schema.Refused($"'{property.Name}' contradicts what stands beside it");
        }
        return facts;
    }

    private static Facts? Of(Subschema at, string keyword, JsonElement schema)
    {
        switch (keyword)
        {
            case "type":
                return Facts.Any with { Types = Types(at) };
            case "enum":
                return at.Element.ValueKind == JsonValueKind.Array && at.Element.GetArrayLength() > 0
                    ? Facts.Any with { Values = [.. at.Element.EnumerateArray()] } : throw at.Refused("enum takes a list of values");
            case "const":
                return Facts.Any with { Values = [at.Element] };
            case "properties":
                return Facts.Any with { Object = new(Schemas(at), [], null) };
            case "required":
                return Facts.Any with { Object = new([], Names(at), null) };
            // Speaks of the names that the properties beside it leave, and must not be merged apart from them.
            case "additionalProperties":
                var beside = schema.TryGetProperty("properties", out var properties) ? Schemas(at with { Element = properties }) : [];
                return Facts.Any with
                {
                    Object = new([.. beside.Select(property => KeyValuePair.Create(property.Key, Conjunction.Any))], [], Schema(at)),
                };
            case "prefixItems":
                return Facts.Any with { Array = ArrayFacts.Any with { First = List(at) } };
            case "items":
                var first = schema.TryGetProperty("prefixItems", out var prefix) ? List(at with { Element = prefix }).Count : 0;
                return at.Element.ValueKind == JsonValueKind.Array
                    ? throw at.Refused("items with a list of schemas is of older drafts: write prefixItems")
                    : Facts.Any with
                    {
                        Array = ArrayFacts.Any with { First = [.. Enumerable.Repeat(Conjunction.Any, first)], Others = Schema(at) },
                    };
            case "minItems":
                return Facts.Any with { Array = ArrayFacts.Any with { Min = Least(at) } };
            case "maxItems":
                return Facts.Any with { Array = ArrayFacts.Any with { Max = Count(at) } };
            case "minLength":
                return Facts.Any with { String = StringFacts.Any with { Min = Least(at) } };
            case "maxLength":
                return Facts.Any with { String = StringFacts.Any with { Max = Count(at) } };
            case "pattern":
                return Facts.Any with { String = StringFacts.Any with { Patterns = [(Text(at), at.Pointer)] } };
            case "format":
                return Formats.Of(Text(at)) ?? throw at.Refused($"the format '{Text(at)}' can't be kept to; {Formats.Names} can");
            case "minimum" or "exclusiveMinimum":
                return Facts.Any with { Number = new(Bound(at, keyword != "minimum"), null) };
            case "maximum" or "exclusiveMaximum":
                return Facts.Any with { Number = new(null, Bound(at, keyword != "maximum")) };
            // SchemaReader's.
            case "$ref" or "allOf" or "anyOf" or "oneOf":
            // Say nothing of what a value may be.
            case "$schema" or "$defs" or "definitions" or "$comment" or "title" or "description" or "default" or "examples" or "example"
                or "deprecated" or "readOnly" or "writeOnly":
            case "uniqueItems" when at.Element.ValueKind == JsonValueKind.False:
            case "multipleOf" when at.Element.ValueKind == JsonValueKind.Number && at.Element.GetRawText() == "1"
                && schema.TryGetProperty("type", out var type) && type.ValueEquals("integer"):
                return null;
            case "$id" when !at.Pointer.Contains('/') || at.Pointer == $"{at.Document.Root.Pointer}/$id":
                return null;
            default:
                return keyword.StartsWith("x-", StringComparison.Ordinal) ? null
                    : throw at.Refused($"answers can't be held to the keyword '{keyword}'. Leave it out, and check the answer yourself");
        }
    }

    private static JsonTypes Types(Subschema at)
    {
        JsonElement[] names = at.Element.ValueKind == JsonValueKind.Array ? [.. at.Element.EnumerateArray()] : [at.Element];
        var types = JsonTypes.None;
        foreach (var name in names)
        {
            types |= (name.ValueKind == JsonValueKind.String ? JsonTypeNames.Of(name.GetString()) : null)
                ?? throw at.Refused("type takes string, number, integer, boolean, null, array, object or a list of these");
        }
        return types != JsonTypes.None ? types : throw at.Refused("type takes at least one type");
    }

    private static IReadOnlyList<KeyValuePair<string, Conjunction>> Schemas(Subschema at) =>
        at.Element.ValueKind == JsonValueKind.Object
            ? [.. at.Element.EnumerateObject().Select(entry => KeyValuePair.Create(entry.Name, Schema(at.At(entry.Name, entry.Value))))]
            : throw at.Refused("properties takes an object of schemas");

    private static IReadOnlyList<Conjunction> List(Subschema at) => at.Element.ValueKind == JsonValueKind.Array
        ? [.. at.Element.EnumerateArray().Select((item, i) => Schema(at.At($"{i}", item)))]
        : throw at.Refused("a list of schemas is meant");

    private static Conjunction Schema(Subschema at) =>
        at.Element.ValueKind is JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False ? Conjunction.Of(at)
            : throw at.Refused("a schema is an object, true or false");

    private static IReadOnlyList<string> Names(Subschema at) => at.Element.ValueKind == JsonValueKind.Array
        && at.Element.EnumerateArray().All(name => name.ValueKind == JsonValueKind.String)
            ? [.. at.Element.EnumerateArray().Select(name => name.GetString()!)]
            : throw at.Refused("required takes a list of names; in a property's own schema it says nothing");

    private static string Text(Subschema at) =>
        at.Element.ValueKind == JsonValueKind.String ? at.Element.GetString()! : throw at.Refused("a string is meant");

    /// <summary>A count beyond int's is as good as none.</summary>
    private static int Count(Subschema at) =>
        at.Element.ValueKind == JsonValueKind.Number && NumberBound.Of(at.Element, excluded: false) is { } bound
            && bound.Scaled >= 0 && bound.Scaled % NumberBound.One == 0
            ? (int)System.Numerics.BigInteger.Min(bound.Scaled / NumberBound.One, int.MaxValue)
            : throw at.Refused("a whole number from 0 is meant");

    private static int Least(Subschema at) => Count(at) is var count && count <= ConstraintLimits.LeastCount ? count
        : throw at.Refused($"no answer gets that long; at most {ConstraintLimits.LeastCount} can be asked for");

    private static NumberBound Bound(Subschema at, bool excluded) => at.Element.ValueKind != JsonValueKind.Number
        ? throw at.Refused("a number is meant (true and false are of older drafts: write exclusiveMinimum and exclusiveMaximum as numbers)")
        : NumberBound.Of(at.Element, excluded)
            ?? throw at.Refused($"a bound has at most {NumberBound.Places} digits before its point, and as many after it");
}
