namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Filters that make text of what they get.</summary>
internal static class TextFilters
{
    public static void Add(Dictionary<string, Filters.Function> all)
    {
        Simple("upper", CaseMapping.ToUpper);
        Simple("lower", CaseMapping.ToLower);
        Simple("capitalize", CaseMapping.Capitalize);
        Simple("title", CaseMapping.FilterTitle);
        Simple("string", (text, _) => text);
        Simple("safe", (text, _) => text.AsMarkup());
        all["escape"] = (on, value, _) => Value.Of(Escaping.Escape(on.Str(value), on.Work));
        all["forceescape"] = (on, value, _) => Value.Of(Escaping.Escape(on.Str(value).Plain(), on.Work));
        all["trim"] = (on, value, arguments) => Value.Of(on.Copied(value).Strip(arguments.Take("trim", "chars")[0] is StringValue letters
            ? on.Copied(letters).Value : null));
        all["replace"] = Replace;
        all["format"] = (on, value, arguments) => Value.Of(Formatting.Percent(on.Str(value), arguments.Named.Count > 0
            ? DictMethods.Named(arguments.Named, on.Work) : new ListValue(arguments.Positional, tuple: true), on.Work));
        all["tojson"] = ToJson;
        all["indent"] = Indent;
        all["center"] = (on, value, arguments) =>
            ((FunctionValue)StringMethods.Find(on.Copied(value), "center", on.Work)!).Call(arguments.Take("center",
                "width")[0] is { } width ? Arguments.Of(width) : Arguments.Of(Value.Of(80)));
        all["truncate"] = Truncate;
        all["wordcount"] = (on, value, _) => Value.Of(((ListValue)Splitting.Split("split", on.Copied(value), Arguments.None,
            fromEnd: false, on.Work)).Items.Count);

        void Simple(string name, Func<Text, Work, Text> filter) => all[name] = (on, value, arguments) =>
        {
            arguments.Take(name);
            return Value.Of(filter(on.Copied(value), on.Work));
        };
    }

    private static Value Replace(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("replace", "old", "new", "count");
        if (given[0] is null || given[1] is null)
        {
            throw new TemplateException("do_replace() missing a required argument: 'old' and 'new'");
        }
        return Value.Of(Splitting.Replace(on.Str(value), StringMethods.Text(given[0], "replace"), StringMethods.Text(given[1], "replace"),
            Filters.Whole(given[2]) ?? -1, on.Work));
    }

    /// <summary>As transformers defines it, without HTML's escapes.</summary>
    private static Value ToJson(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("tojson", "ensure_ascii", "indent", "separators", "sort_keys");
        var separators = given[2] is ListValue { Items: [StringValue, StringValue] } two ? two.Items : null;
        if (given[2] is not (null or NoneValue) && separators is null)
        {
            throw new TemplateException("separators must be two strings");
        }
        if (Filters.Whole(given[1]) is > 1000)
        {
            throw new TemplateException("an indent of more than 1000");
        }
        return Value.Of(JsonValues.Write(value, given[1] is null or NoneValue ? null : Math.Max(0, Filters.Whole(given[1])!.Value),
            Letters(0), Letters(1),
            Filters.Truth(given[0]), Filters.Truth(given[3]), on.Work));

        string? Letters(int at) => separators is null ? null : ((StringValue)separators[at]).Text.Value;
    }

    private static Value Indent(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("indent", "width", "first", "blank");
        if (given[0] is not (null or StringValue) && Filters.Whole(given[0]) is > 1000)
        {
            throw new TemplateException("an indent of more than 1000");
        }
        var by = given[0] is StringValue letters ? letters.Text : new Text(new string(' ', Math.Clamp(Filters.Whole(given[0]) ?? 4, 0,
            1000)), Origin.Template);
        var (first, blank) = (Filters.Truth(given[1]), Filters.Truth(given[2]));
        var text = on.Copied(value);
        var lines = ((ListValue)Splitting.Lines(Operators.Concatenate(text.Plain(), new("\n", Origin.Template), on.Work), Arguments.None,
            on.Work)).Items;
        TextBuilder indented = new();
        for (var i = 0; i < lines.Count; i++)
        {
            var line = ((StringValue)lines[i]).Text;
            indented.Append(i > 0 ? "\n" : "", Origin.Template);
            if (i == 0 ? first : blank || !line.IsEmpty)
            {
                indented.Append(by);
            }
            indented.Append(line);
            on.Work.Touch(by.Value.Length + line.Value.Length);
            on.Work.Fits(indented.Length);
        }
        return Value.Of(indented.ToText());
    }

    private static Value Truncate(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("truncate", "length", "killwords", "end", "leeway");
        var (length, leeway) = (Filters.Whole(given[0]) ?? 255, Filters.Whole(given[3]) ?? 5);
        var end = given[2] is null ? new Text("...", Origin.Template) : StringMethods.Text(given[2], "truncate");
        var text = on.Copied(value);
        if (length < end.Length || leeway < 0)
        {
            throw new TemplateException($"expected length >= {end.Length}, got {length}");
        }
        if (text.Length <= (long)length + leeway)
        {
            return Value.Of(text);
        }
        var part = text.Part(0, text.Unit(length - end.Length));
        if (!Filters.Truth(given[1]) && part.Value.LastIndexOf(' ') is var space and >= 0)
        {
            part = part.Part(0, space);
        }
        return Value.Of(Operators.Concatenate(part.Plain(), end.Plain(), on.Work));
    }
}
