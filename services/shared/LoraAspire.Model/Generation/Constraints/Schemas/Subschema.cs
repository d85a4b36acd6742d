using System.Text.Json;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>A schema within a document.</summary>
/// <param name="Pointer">Where it stands, as "#/properties/a".</param>
internal readonly record struct Subschema(SchemaDocument Document, JsonElement Element, string Pointer)
{
    public Subschema At(string key, JsonElement element) => new(Document, element, $"{Pointer}/{SchemaDocument.Escaped(key)}");

    public ConstraintException Refused(string why) => new(why, Pointer);
}

/// <summary>Schemas that all hold of one value; none: any value.</summary>
internal sealed class Conjunction
{
    private Conjunction(IEnumerable<Subschema> parts)
    {
        Parts = [.. parts.DistinctBy(part => part.Pointer).OrderBy(part => part.Pointer, StringComparer.Ordinal)];
        Key = string.Join(" & ", Parts.Select(part => part.Pointer));
    }

    public IReadOnlyList<Subschema> Parts { get; }

    /// <summary>The same for the same schemas.</summary>
    public string Key { get; }

    public static Conjunction Any { get; } = new([]);

    public static Conjunction Of(Subschema part) =>
        part.Element.ValueKind == JsonValueKind.True
            || (part.Element.ValueKind == JsonValueKind.Object && !part.Element.EnumerateObject().MoveNext()) ? Any : new([part]);

    public Conjunction And(Conjunction other) => new(Parts.Concat(other.Parts));
}
