namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Names and what they stand for. Loops, macros, with and blocks have their own; if has none.</summary>
internal sealed class Scope(Scope? outer)
{
    private readonly Dictionary<string, Value> _values = new(StringComparer.Ordinal);

    public Value? Find(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._values.TryGetValue(name, out var value))
            {
                return value;
            }
        }
        return null;
    }

    public void Set(string name, Value value) => _values[name] = value;

    private Scope? Outer => outer;
}
