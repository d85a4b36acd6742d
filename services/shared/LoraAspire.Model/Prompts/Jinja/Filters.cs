namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>The filters by name.</summary>
internal static class Filters
{
    public delegate Value Function(Interpreter interpreter, Value value, Arguments arguments);

    private static readonly Dictionary<string, Function> All = new(StringComparer.Ordinal);

    static Filters()
    {
        TextFilters.Add(All);
        NumberFilters.Add(All);
        SequenceFilters.Add(All);
        SelectionFilters.Add(All);
        foreach (var (name, alias) in new[] { ("default", "d"), ("length", "count"), ("escape", "e") })
        {
            All[alias] = All[name];
        }
    }

    public static bool Has(string name) => All.ContainsKey(name);

    /// <exception cref="TemplateException">There is no such filter.</exception>
    public static Function Named(string name) => All.TryGetValue(name, out var filter) ? filter
        : throw new TemplateException($"No filter named '{name}'.");

    public static int? Whole(Value? value) => value is null or NoneValue ? null : Numbers.Small(value);

    public static bool Truth(Value? value) => value is not null && Sequences.IsTrue(value);
}
