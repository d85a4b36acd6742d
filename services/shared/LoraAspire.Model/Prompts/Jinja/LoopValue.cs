namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>The variable loop.</summary>
/// <param name="again">Runs the loop over something else; null in a loop that isn't recursive.</param>
internal sealed class LoopValue(IReadOnlyList<Value> items, int depth, Func<Value, Value>? again, Work work) : Value("LoopContext")
{
    private IReadOnlyList<Value>? _before;

    public int Index { get; set; }

    protected override string Module => "jinja2.runtime.";

    public Value? Find(string name) => name switch
    {
        "index" => Of(Index + 1),
        "index0" => Of(Index),
        "revindex" => Of(items.Count - Index),
        "revindex0" => Of(items.Count - Index - 1),
        "first" => Of(Index == 0),
        "last" => Of(Index == items.Count - 1),
        "length" => Of(items.Count),
        "depth" => Of(depth + 1),
        "depth0" => Of(depth),
        "previtem" => Index > 0 ? items[Index - 1] : new UndefinedValue("there is no previous item"),
        "nextitem" => Index + 1 < items.Count ? items[Index + 1] : new UndefinedValue("there is no next item"),
        "cycle" => new FunctionValue("method", name, arguments => arguments.Positional.Count > 0
            ? arguments.Positional[Index % arguments.Positional.Count] : throw new TemplateException("no items for cycling given")),
        "changed" => new FunctionValue("method", name, arguments => Of(Changed(arguments.Positional))),
        _ => null,
    };

    public Value Again(Arguments arguments) => again is null
        ? throw new TemplateException("The loop must have the 'recursive' marker to be called recursively.")
        : again(arguments.Take("loop", "iterable")[0] ?? throw new TemplateException("loop() needs what to go through"));

    private bool Changed(IReadOnlyList<Value> now)
    {
        var same = _before is not null && _before.Count == now.Count && _before.Zip(now).All(pair => Operators.AreEqual(pair.First,
            pair.Second, work));
        _before = now;
        return !same;
    }
}
