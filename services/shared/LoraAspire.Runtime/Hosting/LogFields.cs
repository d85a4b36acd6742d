using System.Collections;

namespace LoraAspire.Runtime.Hosting;

/// <summary>Whose a log line is, as fields that a log viewer can filter by.</summary>
public sealed class LogFields(string run, string? stage = null, int? attempt = null) : IReadOnlyList<KeyValuePair<string, object?>>
{
    private readonly IReadOnlyList<KeyValuePair<string, object?>> _fields =
        [new("run", run), .. stage is null ? Array.Empty<KeyValuePair<string, object?>>() : [new("stage", stage)],
            .. attempt is null ? Array.Empty<KeyValuePair<string, object?>>() : [new("attempt", attempt)]];

    public int Count => _fields.Count;

    public KeyValuePair<string, object?> this[int index] => _fields[index];

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => _fields.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => string.Join(' ', _fields.Select(field => $"{field.Key} {field.Value}"));
}
