namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Strings taken apart and put together; letters keep their origins.</summary>
internal static class Splitting
{
    public static Value Split(string name, Text text, Arguments arguments, bool fromEnd, Work work)
    {
        var given = arguments.Take(name, "sep", "maxsplit");
        var most = given[1] is null ? -1 : Numbers.Small(given[1]!);
        most = most < 0 ? int.MaxValue : most;
        if (given[0] is null or NoneValue)
        {
            return new ListValue(fromEnd ? WordsFromEnd(text, most, work) : Words(text, most, work));
        }
        var separator = StringMethods.Text(given[0], name).Value;
        if (separator.Length == 0)
        {
            throw new TemplateException("empty separator");
        }
        var found = fromEnd ? Search.FindAllFromEnd(text.Value, separator, most, work) : Search.FindAll(text.Value, separator, most, work);
        List<Value> parts = [];
        var from = 0;
        foreach (var at in found)
        {
            parts.Add(Value.Of(text.Part(from, at)));
            from = at + separator.Length;
        }
        parts.Add(Value.Of(text.Part(from, text.Value.Length)));
        return new ListValue(parts);
    }

    public static Value Lines(Text text, Arguments arguments, Work work)
    {
        var keeps = arguments.Take("splitlines", "keepends")[0] is { } keep && Sequences.IsTrue(keep);
        List<Value> lines = [];
        for (var from = 0; from < text.Value.Length;)
        {
            var end = text.Value.AsSpan(from).IndexOfAny("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029");
            end = end < 0 ? text.Value.Length : from + end;
            var next = end == text.Value.Length ? end : end + (string.CompareOrdinal(text.Value, end, "\r\n", 0, 2) == 0 ? 2 : 1);
            work.Step();
            lines.Add(Value.Of(text.Part(from, keeps ? next : end)));
            from = next;
        }
        return new ListValue(lines);
    }

    public static Value Partition(string name, Text text, Arguments arguments, bool last, Work work)
    {
        var separator = StringMethods.Text(arguments.Take(name, "sep")[0], name);
        if (separator.IsEmpty)
        {
            throw new TemplateException("empty separator");
        }
        var at = last ? Search.FindLast(text.Value, separator.Value, work) : Search.Find(text.Value, separator.Value, work);
        Value[] parts = at < 0 ? last ? [Value.Of(Text.Empty), Value.Of(Text.Empty), Value.Of(text)] : [Value.Of(text),
            Value.Of(Text.Empty), Value.Of(Text.Empty)]
            : [Value.Of(text.Part(0, at)), Value.Of(separator), Value.Of(text.Part(at + separator.Value.Length, text.Value.Length))];
        return new ListValue(parts, tuple: true);
    }

    public static Text Replace(Text text, Text old, Text with, int count, Work work)
    {
        var most = count < 0 ? int.MaxValue : count;
        var found = old.IsEmpty ? [.. Enumerable.Range(0, text.Length + 1).Take(most).Select(text.Unit)] : Search.FindAll(text.Value,
            old.Value, most, work);
        work.Letters(text.Value.Length + ((long)found.Count * (with.Value.Length + 1)));
        work.Origins(text.Runs.Length + ((long)found.Count * (with.Runs.Length + 1)));
        TextBuilder replaced = new();
        var from = 0;
        foreach (var at in found)
        {
            replaced.Append(text, from, at);
            replaced.Append(with);
            from = at + old.Value.Length;
        }
        replaced.Append(text, from, text.Value.Length);
        return replaced.ToText();
    }

    public static Text Join(Text separator, Value items, Work work)
    {
        TextBuilder joined = new();
        var index = 0;
        foreach (var item in Sequences.Each(items, work))
        {
            if (index > 0)
            {
                joined.Append(separator);
            }
            var part = item is StringValue text ? text.Text
                : throw new TemplateException($"sequence item {index}: expected str instance, {item.Type} found");
            joined.Append(part);
            work.Touch(separator.Value.Length + part.Value.Length);
            work.Origins(separator.Runs.Length + part.Runs.Length);
            work.Fits(joined.Length);
            index++;
        }
        return joined.ToText();
    }

    public static Text Padded(Text text, int left, int right, Text fill, Work work)
    {
        work.Letters((long)left + right + text.Value.Length);
        TextBuilder padded = new();
        for (var i = 0; i < left; i++)
        {
            padded.Append(fill);
        }
        padded.Append(text);
        for (var i = 0; i < right; i++)
        {
            padded.Append(fill);
        }
        return padded.ToText();
    }

    private static List<Value> Words(Text text, int most, Work work)
    {
        List<Value> words = [];
        var value = text.Value;
        for (var at = 0; ;)
        {
            while (at < value.Length && Text.IsSpace(value[at]))
            {
                at++;
            }
            if (at == value.Length)
            {
                return words;
            }
            work.Step();
            if (words.Count == most)
            {
                words.Add(Value.Of(text.Part(at, value.Length)));
                return words;
            }
            var from = at;
            while (at < value.Length && !Text.IsSpace(value[at]))
            {
                at++;
            }
            words.Add(Value.Of(text.Part(from, at)));
        }
    }

    private static List<Value> WordsFromEnd(Text text, int most, Work work)
    {
        List<Value> words = [];
        var value = text.Value;
        for (var at = value.Length; ;)
        {
            while (at > 0 && Text.IsSpace(value[at - 1]))
            {
                at--;
            }
            if (at == 0)
            {
                break;
            }
            work.Step();
            if (words.Count == most)
            {
                words.Add(Value.Of(text.Part(0, at)));
                break;
            }
            var end = at;
            while (at > 0 && !Text.IsSpace(value[at - 1]))
            {
                at--;
            }
            words.Add(Value.Of(text.Part(at, end)));
        }
        words.Reverse();
        return words;
    }
}
