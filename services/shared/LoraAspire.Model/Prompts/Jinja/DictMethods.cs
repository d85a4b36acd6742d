namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Methods of dicts, lists and tuples.</summary>
internal static class DictMethods
{
    public static Value? Find(DictValue dict, string name, Work work)
    {
        Func<Arguments, Value>? method = name switch
        {
            "items" => _ => new ViewValue("dict_items", Pairs(dict, work)),
            "keys" => _ => new ViewValue("dict_keys", [.. dict.Entries.Keys]),
            "values" => _ => new ViewValue("dict_values", [.. dict.Entries.Values]),
            "copy" => _ => dict,
            "get" => arguments =>
            {
                var given = arguments.Take("get", "key", "default");
                return Operators.Find(dict, given[0] ?? throw new TemplateException("get expected at least 1 argument, got 0"), work)
                    ?? given[1] ?? Value.None;
            }
            ,
            _ => null,
        };
        return method is null ? null : new FunctionValue("builtin_function_or_method", name, arguments => Paid(dict.Entries.Count, name,
            method, arguments, work));
    }

    public static Value? Find(ListValue list, string name, Work work)
    {
        Func<Arguments, Value>? method = name switch
        {
            "count" => arguments => Value.Of(list.Items.Count(item => Operators.AreEqual(item, Wanted(arguments, "count"), work))),
            "index" => arguments => Wanted(arguments, "index") is var wanted && list.Items.ToList().FindIndex(item =>
                Operators.AreEqual(item, wanted, work)) is var at and >= 0
                ? Value.Of(at) : throw new TemplateException($"{Printing.Repr(wanted, work)} is not in list"),
            "copy" when !list.IsTuple => _ => list,
            _ => null,
        };
        return method is null ? null : new FunctionValue("builtin_function_or_method", name, arguments => Paid(list.Items.Count, name,
            method, arguments, work));
    }

    public static IReadOnlyList<Value> Pairs(DictValue dict, Work work)
    {
        work.Step(dict.Entries.Count);
        return [.. dict.Entries.Select(entry => new ListValue([entry.Key, entry.Value], tuple: true))];
    }

    /// <summary>Named arguments as a dict, behind the entries that there are.</summary>
    public static DictValue Named(IReadOnlyList<KeyValuePair<string, Value>> named, Work work,
        OrderedDictionary<Value, Value>? entries = null)
    {
        work.Step(named.Count);
        entries ??= DictValue.NewEntries();
        foreach (var (name, value) in named)
        {
            entries[Operators.Key(Value.Of(name, Origin.Template), work)] = value;
        }
        return new(entries);
    }

    private static Value Wanted(Arguments arguments, string name) =>
        arguments.Take(name, "value")[0] ?? throw new TemplateException($"{name}() takes exactly one argument (0 given)");

    private static Value Paid(int count, string name, Func<Arguments, Value> method, Arguments arguments, Work work)
    {
        work.Step(name == "get" ? 1 : count);
        return method(arguments);
    }
}
