using System.Globalization;
using System.Text.Json;
using LoraAspire.Chat.OpenAi;

namespace LoraAspire.Chat.Requests;

/// <summary>
/// An object of a request. Null is the same as a field that isn't there. It keeps in mind which fields were asked for, in itself and in the
/// objects that were taken from it: what nobody asked for is told, and not ignored in silence.
/// </summary>
public sealed class RequestFields
{
    /// <summary>Of each kind: a body may have thousands, and a header is short.</summary>
    private const int MostTold = 20;

    private readonly JsonElement _json;
    private readonly string _path;
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);
    private readonly List<RequestFields> _objects;
    private readonly List<string> _notes;

    internal RequestFields(JsonElement json) : this(json, "", [], [])
    {
    }

    private RequestFields(JsonElement json, string path, List<RequestFields> objects, List<string> notes)
    {
        (_json, _path, _objects, _notes) = (json, path, objects, notes);
        objects.Add(this);
    }

    /// <summary>The object as it came.</summary>
    public JsonElement Json => _json;

    /// <summary>What the caller should know of fields that have no effect, a sentence each.</summary>
    public IEnumerable<string> Warnings()
    {
        var unknown = _objects.SelectMany(one => one._json.EnumerateObject().Select(field => field.Name)
            .Where(name => !one._asked.Contains(name)).Select(one.At)).ToList();
        var notes = _notes.Distinct().ToList();
        if (notes.Count > MostTold)
        {
            notes = [.. notes.Take(MostTold), $"And {notes.Count - MostTold} more like these."];
        }
        return unknown.Count == 0 ? notes
            : [.. notes, "Not known here, and without effect: "
                + $"{string.Join(", ", unknown.Take(MostTold))}{(unknown.Count > MostTold ? ", …" : "")}."];
    }

    /// <summary>The name that errors give a field: "messages[0].content".</summary>
    public string At(string name) => _path.Length == 0 ? name : $"{_path}.{name}";

    public JsonElement? Find(string name)
    {
        _asked.Add(name);
        return _json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    public string? Text(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(name, "must be a text", value);

    public bool? Flag(string name) => Find(name) is not { } value ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Wrong(name, "must be true or false", value);

    public double? Number(string name, double least, double most)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }
        var number = value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var read) ? read
            : throw Wrong(name, "must be a number", value);
        return number >= least && number <= most ? number : throw Bad(name, $"must be between {Say(least)} and {Say(most)}");
    }

    public long? Whole(string name, long least, long most)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }
        var number = value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var read) ? read
            : throw Wrong(name, "must be a whole number", value);
        return number < least ? throw Bad(name, $"must be at least {least}")
            : number > most ? throw Bad(name, $"must be at most {most}") : number;
    }

    public RequestFields? Object(string name) => Find(name) is { } value ? Object(value, At(name)) : null;

    /// <summary>The objects of a list.</summary>
    public IReadOnlyList<RequestFields>? Objects(string name) =>
        List(name) is not { } list ? null : [.. list.Select((item, index) => Object(item, $"{At(name)}[{index}]"))];

    public IReadOnlyList<JsonElement>? List(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw Wrong(name, "must be a list", value);

    /// <summary>A text, or a list of texts; empty where there is none.</summary>
    public IReadOnlyList<string> Texts(string name) => Find(name) switch
    {
        null => [],
        { ValueKind: JsonValueKind.String } one => [one.GetString()!],
        { ValueKind: JsonValueKind.Array } several when several.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) =>
            [.. several.EnumerateArray().Select(item => item.GetString()!)],
        _ => throw Bad(name, "must be a text or a list of texts"),
    };

    /// <summary>A field that would change the answer and that can't be obeyed: only null or a value that asks for nothing passes.</summary>
    public void Refuse(string name, string why, params string[] harmless)
    {
        if (Find(name) is { } value && !harmless.Contains(value.GetRawText()))
        {
            throw new RequestException($"'{At(name)}' is not supported: {why}.", At(name), "unsupported_parameter");
        }
    }

    /// <summary>Fields of the API that don't change the answer here; whoever sends them is told.</summary>
    /// <param name="harmless">JSON texts of values that ask for nothing.</param>
    public void WithoutEffect(IEnumerable<string> names, params string[] harmless)
    {
        foreach (var name in names)
        {
            if (Find(name) is { } value && !harmless.Contains(value.GetRawText()))
            {
                Note($"'{At(name)}' has no effect here.");
            }
        }
    }

    public void Note(string warning) => _notes.Add(warning);

    public RequestException Missing(string name, string what) => new($"'{At(name)}' is missing: {what}.", At(name));

    public RequestException Bad(string name, string problem) => new($"'{At(name)}' {problem}.", At(name));

    private RequestException Wrong(string name, string wanted, JsonElement value) => Bad(name, $"{wanted}, not {Kind(value)}");

    private RequestFields Object(JsonElement value, string path) => value.ValueKind == JsonValueKind.Object
        ? new(value, path, _objects, _notes)
        : throw new RequestException($"'{path}' must be an object, not {Kind(value)}.", path);

    internal static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => $"the number {(value.GetRawText() is { Length: <= 20 } digits ? digits : "that it is")}",
        JsonValueKind.Null => "null",
        _ => value.GetRawText(),
    };

    private static string Say(double number) => number.ToString(CultureInfo.InvariantCulture);
}
