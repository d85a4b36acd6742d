namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>What may stand after "is".</summary>
internal static class Tests
{
    public delegate bool Function(Interpreter interpreter, Value value, Arguments arguments);

    private static readonly Dictionary<string, Function> All = new(StringComparer.Ordinal)
    {
        ["defined"] = (_, value, _) => value is not UndefinedValue,
        ["undefined"] = (_, value, _) => value is UndefinedValue,
        ["none"] = (_, value, _) => value is NoneValue,
        ["boolean"] = (_, value, _) => value is BoolValue,
        ["true"] = (_, value, _) => value is BoolValue { Value: true },
        ["false"] = (_, value, _) => value is BoolValue { Value: false },
        ["integer"] = (_, value, _) => value is IntValue,
        ["float"] = (_, value, _) => value is FloatValue,
        ["number"] = (_, value, _) => Numbers.IsNumber(value),
        ["string"] = (_, value, _) => value is StringValue,
        ["mapping"] = (_, value, _) => value is DictValue,
        ["iterable"] = (_, value, _) => Sequences.IsIterable(value),
        ["sequence"] = (_, value, _) => value is ListValue or StringValue or DictValue or RangeValue or UndefinedValue,
        ["callable"] = (_, value, _) => value is FunctionValue or LoopValue or UndefinedValue or ObjectValue { Call: not null },
        ["escaped"] = (_, value, _) => value is StringValue { Text.Markup: true },
        ["odd"] = (on, value, _) => Rest(on, value, Value.Of(2)) is IntValue { Value.IsOne: true } or FloatValue { Value: 1 },
        ["even"] = (on, value, _) => !Sequences.IsTrue(Rest(on, value, Value.Of(2))),
        ["divisibleby"] = (on, value, arguments) => !Sequences.IsTrue(Rest(on, value, Other(arguments, "divisibleby"))),
        ["lower"] = (on, value, _) => Case(on, value, "islower"),
        ["upper"] = (on, value, _) => Case(on, value, "isupper"),
        ["in"] = (on, value, arguments) => Operators.Contains(Other(arguments, "in"), value, on.Work),
        ["sameas"] = (on, value, arguments) => Same(on, value, Other(arguments, "sameas")),
        ["filter"] = (on, value, _) => value is StringValue && Filters.Has(on.Copied(value).Value),
        ["test"] = (on, value, _) => value is StringValue && Has(on.Copied(value).Value),
    };

    static Tests()
    {
        foreach (var (op, names) in new[]
        {
            ("==", "== eq equalto"), ("!=", "!= ne"), ("<", "< lt lessthan"), ("<=", "<= le"), (">", "> gt greaterthan"), (">=", ">= ge"),
        })
        {
            foreach (var name in names.Split(' '))
            {
                All[name] = (on, value, arguments) => on.Compares(op, value, Other(arguments, name));
            }
        }
    }

    public static bool Has(string name) => All.ContainsKey(name);

    /// <exception cref="TemplateException">There is no such test.</exception>
    public static Function Named(string name) => All.TryGetValue(name, out var test) ? test
        : throw new TemplateException($"No test named '{name}'.");

    private static Value Other(Arguments arguments, string name) =>
        arguments.Take(name, "other")[0] ?? throw new TemplateException($"the test {name} needs something to compare with");

    private static Value Rest(Interpreter on, Value value, Value by) => Operators.Apply("%", value, by, on.Work);

    private static bool Case(Interpreter on, Value value, string method) =>
        Sequences.IsTrue(((FunctionValue)StringMethods.Find(on.Str(value), method, on.Work)!).Call(Arguments.None));

    /// <summary>Small numbers and short strings of Python are the same object wherever they are equal, and so they count here.</summary>
    private static bool Same(Interpreter on, Value value, Value other) => ReferenceEquals(value, other)
        || (value.Type == other.Type && KeyComparer.IsKey(value) && Operators.AreEqual(value, other, on.Work));
}
