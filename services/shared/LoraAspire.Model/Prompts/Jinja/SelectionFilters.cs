namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>map, select, reject and their forms with an attribute.</summary>
internal static class SelectionFilters
{
    public static void Add(Dictionary<string, Filters.Function> all)
    {
        all["map"] = Map;
        all["select"] = (on, value, arguments) => Select(on, value, arguments, null, true);
        all["reject"] = (on, value, arguments) => Select(on, value, arguments, null, false);
        all["selectattr"] = (on, value, arguments) => Select(on, value, Rest(arguments), Attribute(on, arguments), true);
        all["rejectattr"] = (on, value, arguments) => Select(on, value, Rest(arguments), Attribute(on, arguments), false);
    }

    private static GeneratorValue Map(Interpreter on, Value value, Arguments arguments)
    {
        if (arguments.Positional.Count == 0)
        {
            var given = arguments.Take("map", "attribute", "default");
            var lookup = SequenceFilters.Lookup(on, given[0] ?? throw new TemplateException("map requires a filter argument"), given[1]);
            return new(Sequences.Each(value, on.Work).Select(lookup));
        }
        var filter = Filters.Named(StringMethods.Text(arguments.Positional[0], "map").Value);
        var rest = arguments.After(1);
        return new(Sequences.Each(value, on.Work).Select(item => filter(on, item, rest)));
    }

    private static GeneratorValue Select(Interpreter on, Value value, Arguments arguments, Func<Value, Value>? get, bool keeps)
    {
        Func<Value, bool> holds = Sequences.IsTrue;
        if (arguments.Positional.Count > 0)
        {
            var test = Tests.Named(StringMethods.Text(arguments.Positional[0], "select").Value);
            var rest = arguments.After(1);
            holds = item => test(on, item, rest);
        }
        return new(Sequences.Each(value, on.Work).Where(item => holds(get is null ? item : get(item)) == keeps));
    }

    private static Func<Value, Value> Attribute(Interpreter on, Arguments arguments) => arguments.Positional.Count > 0
        ? SequenceFilters.Lookup(on, arguments.Positional[0]) : throw new TemplateException("Missing parameter for attribute name");

    private static Arguments Rest(Arguments arguments) => arguments.Positional.Count > 0 ? arguments.After(1) : arguments;
}
