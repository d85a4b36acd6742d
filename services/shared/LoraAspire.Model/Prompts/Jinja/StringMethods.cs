namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Methods of Python's str.</summary>
internal static class StringMethods
{
    private delegate Value Method(Text text, Arguments arguments, Work work);

    private static readonly Dictionary<string, Method> All = new(StringComparer.Ordinal)
    {
        ["strip"] = (text, arguments, work) => Strip("strip", text, arguments, true, true, work),
        ["lstrip"] = (text, arguments, work) => Strip("lstrip", text, arguments, true, false, work),
        ["rstrip"] = (text, arguments, work) => Strip("rstrip", text, arguments, false, true, work),
        ["split"] = (text, arguments, work) => Splitting.Split("split", text, arguments, fromEnd: false, work),
        ["rsplit"] = (text, arguments, work) => Splitting.Split("rsplit", text, arguments, fromEnd: true, work),
        ["splitlines"] = Splitting.Lines,
        ["partition"] = (text, arguments, work) => Splitting.Partition("partition", text, arguments, last: false, work),
        ["rpartition"] = (text, arguments, work) => Splitting.Partition("rpartition", text, arguments, last: true, work),
        ["startswith"] = (text, arguments, work) => Ends("startswith", text, arguments, start: true, work),
        ["endswith"] = (text, arguments, work) => Ends("endswith", text, arguments, start: false, work),
        ["removeprefix"] = (text, arguments, _) => Letters("removeprefix", arguments, "prefix") is var part
            && text.Value.StartsWith(part.Value, StringComparison.Ordinal) ? Value.Of(text.Part(part.Value.Length, text.Value.Length))
                : Value.Of(text),
        ["removesuffix"] = (text, arguments, _) => Letters("removesuffix", arguments, "suffix") is var part
            && text.Value.EndsWith(part.Value, StringComparison.Ordinal) ? Value.Of(text.Part(0, text.Value.Length - part.Value.Length))
                : Value.Of(text),
        ["replace"] = (text, arguments, work) =>
        {
            var given = arguments.Take("replace", "old", "new", "count");
            return Value.Of(Splitting.Replace(text, Text(given[0], "replace"), Text(given[1], "replace"), given[2] is { } count
                ? Numbers.Small(count) : -1, work));
        },
        ["join"] = (text, arguments, work) => Value.Of(Splitting.Join(text, arguments.Take("join", "iterable")[0]
            ?? throw new TemplateException("str.join() takes exactly one argument (0 given)"), work)),
        ["upper"] = (text, _, work) => Value.Of(CaseMapping.ToUpper(text, work)),
        ["lower"] = (text, _, work) => Value.Of(CaseMapping.ToLower(text, work)),
        ["casefold"] = (text, _, work) => Value.Of(CaseMapping.ToLower(CaseMapping.ToUpper(text, work), work)),
        ["title"] = (text, _, work) => Value.Of(CaseMapping.ToTitle(text, work)),
        ["capitalize"] = (text, _, work) => Value.Of(CaseMapping.Capitalize(text, work)),
        ["swapcase"] = (text, _, work) => Value.Of(CaseMapping.SwapCase(text, work)),
        ["count"] = (text, arguments, work) => Value.Of(Letters("count", arguments, "sub") is { IsEmpty: false } part
            ? Search.FindAll(text.Value, part.Value, int.MaxValue, work).Count : text.Length + 1),
        ["find"] = (text, arguments, work) => Value.Of(Find("find", text, arguments, last: false, work)),
        ["rfind"] = (text, arguments, work) => Value.Of(Find("rfind", text, arguments, last: true, work)),
        ["index"] = (text, arguments, work) => Value.Of(Found(Find("index", text, arguments, last: false, work))),
        ["rindex"] = (text, arguments, work) => Value.Of(Found(Find("rindex", text, arguments, last: true, work))),
        ["center"] = (text, arguments, work) => Pad("center", text, arguments, work),
        ["ljust"] = (text, arguments, work) => Pad("ljust", text, arguments, work),
        ["rjust"] = (text, arguments, work) => Pad("rjust", text, arguments, work),
        ["zfill"] = (text, arguments, work) => ZeroFill(text, arguments, work),
        ["format"] = (text, arguments, work) => Value.Of(Formatting.Format(text, arguments, work)),
        ["isspace"] = (text, _, _) => Value.Of(!text.IsEmpty && text.Value.All(Jinja.Text.IsSpace)),
        ["isdigit"] = (text, _, _) => Value.Of(!text.IsEmpty && text.Value.All(letter => char.IsDigit(letter)
            || letter is '²' or '³' or '¹')),
        ["isdecimal"] = (text, _, _) => Value.Of(!text.IsEmpty && text.Value.All(char.IsDigit)),
        ["isnumeric"] = (text, _, _) => Value.Of(!text.IsEmpty && text.Value.All(char.IsNumber)),
        ["isalpha"] = (text, _, _) => Value.Of(!text.IsEmpty && text.CodePoints().All(point => char.IsLetter(text.Value, point.Start))),
        ["isalnum"] = (text, _, _) => Value.Of(!text.IsEmpty
            && text.CodePoints().All(point => char.IsLetterOrDigit(text.Value, point.Start) || char.IsNumber(text.Value, point.Start))),
        ["isascii"] = (text, _, _) => Value.Of(text.Value.All(char.IsAscii)),
        ["isupper"] = (text, _, work) => Value.Of(HasCase(text, work) && CaseMapping.ToUpper(text, work).Value == text.Value),
        ["islower"] = (text, _, work) => Value.Of(HasCase(text, work) && CaseMapping.ToLower(text, work).Value == text.Value),
        ["istitle"] = (text, _, work) => Value.Of(HasCase(text, work) && CaseMapping.ToTitle(text, work).Value == text.Value),
    };

    private static readonly HashSet<string> Unserved = new(StringComparer.Ordinal)
        { "encode", "expandtabs", "format_map", "isidentifier", "isprintable", "maketrans", "translate" };

    public static Value? Find(Text text, string name, Work work)
    {
        if (Unserved.Contains(name))
        {
            return new FunctionValue("method", name, _ => throw new TemplateException($"str.{name} isn't served here"));
        }
        return !All.TryGetValue(name, out var method) ? null : new FunctionValue("builtin_function_or_method", name, arguments =>
        {
            work.Copy(text);
            return method(text, arguments, work);
        });
    }

    public static Text Text(Value? value, string function) => value switch
    {
        StringValue text => text.Text,
        UndefinedValue missing => throw missing.Refusal(),
        null => throw new TemplateException($"{function}() takes an argument more"),
        _ => throw new TemplateException($"{function}() argument must be str, not {value.Type}"),
    };

    private static Text Letters(string function, Arguments arguments, string name) => Text(arguments.Take(function, name)[0], function);

    private static Value Strip(string name, Text text, Arguments arguments, bool start, bool end, Work work)
    {
        var letters = arguments.Take(name, "chars")[0];
        var some = letters is null or NoneValue ? null : letters is StringValue given ? given.Text.Value
            : throw (letters as UndefinedValue)?.Refusal() ?? new TemplateException($"{name} arg must be None or str");
        work.Touch(some?.Length ?? 0);
        return Value.Of(text.Strip(some, start, end));
    }

    private static Value Ends(string name, Text text, Arguments arguments, bool start, Work work)
    {
        var given = arguments.Take(name, "prefix", "start", "end");
        var part = given[1] is null && given[2] is null ? text
            : ((StringValue)Indexing.Slice(Value.Of(text), given[1] ?? Value.None, given[2] ?? Value.None, Value.None, work)).Text;
        bool Matches(Value? end)
        {
            var letters = end is StringValue { Text.Value: var some } ? some : throw (end as UndefinedValue)?.Refusal()
                ?? new TemplateException($"{name} first arg must be str or a tuple of str, not {end?.Type ?? "nothing"}");
            work.Touch(1 + Math.Min(part.Value.Length, letters.Length));
            return start ? part.Value.StartsWith(letters, StringComparison.Ordinal)
                : part.Value.EndsWith(letters, StringComparison.Ordinal);
        }
        return Value.Of(given[0] is ListValue { IsTuple: true } several ? several.Items.Any(Matches) : Matches(given[0]));
    }

    private static int Find(string name, Text text, Arguments arguments, bool last, Work work)
    {
        var given = arguments.Take(name, "sub", "start", "end");
        var start = given[1] is null or NoneValue ? 0 : Numbers.Small(given[1]!) is var from && from < 0 ? Math.Max(0, from + text.Length)
            : from;
        if (start > text.Length)
        {
            return -1;
        }
        var part = ((StringValue)Indexing.Slice(Value.Of(text), Value.Of(start), given[2] ?? Value.None, Value.None, work)).Text;
        var sub = Text(given[0], name).Value;
        var at = last ? Search.FindLast(part.Value, sub, work) : Search.Find(part.Value, sub, work);
        return at < 0 ? -1 : start + part.CodePoint(at);
    }

    private static int Found(int at) => at >= 0 ? at : throw new TemplateException("substring not found");

    private static Value Pad(string name, Text text, Arguments arguments, Work work)
    {
        var given = arguments.Take(name, "width", "fillchar");
        var missing = Math.Max(0, Numbers.Small(given[0]
            ?? throw new TemplateException($"{name} expected at least 1 argument, got 0")) - text.Length);
        var fill = given[1] is null ? new Text(" ", Origin.Template) : Text(given[1], name);
        if (fill.Length != 1)
        {
            throw new TemplateException("The fill character must be exactly one character long");
        }
        // Where the two sides differ by one, CPython's center gives the left one more if both width and padding are odd.
        var left = name switch { "ljust" => 0, "rjust" => missing, _ => (missing / 2) + (missing & (missing + text.Length) & 1) };
        return Value.Of(Splitting.Padded(text, left, missing - left, fill, work));
    }

    private static Value ZeroFill(Text text, Arguments arguments, Work work)
    {
        var width = Numbers.Small(arguments.Take("zfill", "width")[0]
            ?? throw new TemplateException("zfill() takes exactly one argument (0 given)"));
        var sign = text.Value.StartsWith('-') || text.Value.StartsWith('+') ? 1 : 0;
        var digits = Splitting.Padded(text.Part(sign, text.Value.Length), Math.Max(0, width - text.Length), 0, new("0", Origin.Template),
            work);
        return Value.Of(Operators.Concatenate(text.Part(0, sign).Plain(), digits.Plain(), work));
    }

    private static bool HasCase(Text text, Work work) => CaseMapping.ToUpper(text, work).Value != CaseMapping.ToLower(text, work).Value;
}
