using System.Globalization;
using System.Text.Json;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>A JSON Schema and what its references lead to.</summary>
internal sealed class SchemaDocument
{
    private readonly JsonElement _root;
    private readonly string _pointer;

    /// <param name="pointer">What its pointers begin with: where it stands in what the caller sent, or "#".</param>
    /// <exception cref="ConstraintException">Too large, or no JSON that other programs would read alike.</exception>
    public SchemaDocument(JsonElement root, string pointer)
    {
        (_root, _pointer) = (root, pointer);
        if (root.ValueKind == JsonValueKind.Undefined)
        {
            throw new ConstraintException("there is no schema", pointer);
        }
        if (Raw(root, pointer).Length > ConstraintLimits.Schema)
        {
            throw new ConstraintException($"the schema has more than {ConstraintLimits.Schema} letters", pointer);
        }
        Check(root, pointer);
    }

    /// <exception cref="ConstraintException">Its bytes are no UTF-8.</exception>
    public static string Raw(JsonElement element, string pointer)
    {
        try
        {
            return element.GetRawText();
        }
        catch (InvalidOperationException error)
        {
            throw new ConstraintException("it holds bytes that are no UTF-8", pointer, error);
        }
    }

    public Subschema Root => new(this, _root, _pointer);

    public static string Escaped(string key) => key.Replace("~", "~0").Replace("/", "~1");

    /// <summary>What a reference within the document means.</summary>
    /// <exception cref="ConstraintException">It leads out of the document, or nowhere.</exception>
    public Subschema Resolve(string reference, Subschema from)
    {
        if (reference is not "#" && !reference.StartsWith("#/", StringComparison.Ordinal))
        {
            throw from.Refused($"$ref '{reference}' can't be followed: only references within the schema can, as '#/$defs/name'");
        }
        var found = _root;
        var pointer = _pointer;
        foreach (var spelled in reference.Split('/').Skip(1))
        {
            var step = Uri.UnescapeDataString(spelled).Replace("~1", "/").Replace("~0", "~");
            pointer += $"/{Escaped(step)}";
            if (found.ValueKind == JsonValueKind.Object && found.TryGetProperty(step, out var inner))
            {
                found = inner;
            }
            else if (found.ValueKind == JsonValueKind.Array
                && int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < found.GetArrayLength())
            {
                found = found[index];
            }
            else
            {
                throw from.Refused($"$ref '{reference}' leads nowhere");
            }
        }
        return new(this, found, pointer);
    }

    /// <summary>No name twice in an object, and no half of a surrogate pair.</summary>
    private static void Check(JsonElement element, string pointer)
    {
        Terms.TermTable.EnsureStack();
        try
        {
            switch (element.ValueKind)
            {
                case JsonValueKind.Object:
                    HashSet<string> names = [];
                    foreach (var (name, value) in element.EnumerateObject().Select(property => (property.Name, property.Value)))
                    {
                        if (!names.Add(name))
                        {
                            throw new ConstraintException($"'{name}' stands in it twice", pointer);
                        }
                        Check(value, $"{pointer}/{Escaped(name)}");
                    }
                    break;
                case JsonValueKind.Array:
                    foreach (var (index, item) in element.EnumerateArray().Index())
                    {
                        Check(item, $"{pointer}/{index}");
                    }
                    break;
                case JsonValueKind.String:
                    element.GetString();
                    break;
                default:
                    break;
            }
        }
        catch (InvalidOperationException error)
        {
            throw new ConstraintException("it holds half a surrogate pair, which is no text", pointer, error);
        }
    }
}
