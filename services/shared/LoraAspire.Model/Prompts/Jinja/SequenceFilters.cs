namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Filters that take several values as a whole.</summary>
internal static class SequenceFilters
{
    public static void Add(Dictionary<string, Filters.Function> all)
    {
        all["length"] = (_, value, _) => Value.Of(Sequences.Length(value)
            ?? throw new TemplateException($"object of type '{value.Type}' has no len()"));
        all["list"] = (on, value, _) => new ListValue(Sequences.All(value, on.Work));
        all["first"] = (on, value, _) => Sequences.Each(value,
            on.Work).FirstOrDefault(new UndefinedValue("No first item, sequence was empty."));
        all["last"] = (on, value, _) => value is GeneratorValue ? throw new TemplateException("'generator' object is not reversible")
            : Sequences.Each(value, on.Work).LastOrDefault(new UndefinedValue("No last item, sequence was empty."));
        all["join"] = Join;
        all["reverse"] = Reverse;
        all["items"] = (on, value, _) => value is UndefinedValue ? new GeneratorValue([])
            : new GeneratorValue(DictMethods.Pairs(value as DictValue
                ?? throw new TemplateException("Can only get item pairs from a mapping."), on.Work));
        all["dictsort"] = DictSort;
        all["sort"] = (on, value, arguments) =>
        {
            var given = arguments.Take("sort", "reverse", "case_sensitive", "attribute");
            return new ListValue(Sorted(on, Sequences.All(value, on.Work), Keys(on, given[2], Filters.Truth(given[1])),
                Filters.Truth(given[0])));
        };
        all["unique"] = (on, value, arguments) =>
        {
            var given = arguments.Take("unique", "case_sensitive", "attribute");
            return new GeneratorValue(Unique(on, value, Key(on, given[1], Filters.Truth(given[0]))));
        };
        all["min"] = (on, value, arguments) => Extreme(on, value, arguments, "min", -1);
        all["max"] = (on, value, arguments) => Extreme(on, value, arguments, "max", 1);
        all["sum"] = Sum;
        all["batch"] = Batch;
        all["slice"] = Slices;
        all["groupby"] = GroupBy;
    }

    private static Value Join(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("join", "d", "attribute");
        var items = given[1] is null or NoneValue ? Sequences.Each(value, on.Work) : Sequences.Each(value, on.Work).Select(Lookup(on,
            given[1]!));
        return Value.Of(Splitting.Join(given[0] is null ? Text.Empty : on.Str(given[0]!), new GeneratorValue(items.Select(item =>
            Value.Of(on.Str(item)))), on.Work));
    }

    private static Value Reverse(Interpreter on, Value value, Arguments arguments) => value is StringValue
        ? Indexing.Slice(value, Value.None, Value.None, Value.Of(-1), on.Work)
        : new GeneratorValue(Enumerable.Reverse(Sequences.All(value, on.Work)));

    private static Value DictSort(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("dictsort", "case_sensitive", "by", "reverse");
        var pairs = DictMethods.Pairs(value as DictValue ?? throw new TemplateException($"'{value.Type}' object has no attribute 'items'"),
            on.Work);
        var at = given[1] is StringValue { Text.Value: var by } ? by == "key" ? 0 : by == "value" ? 1
            : throw new TemplateException("You can only sort by either \"key\" or \"value\"") : 0;
        var fold = !Filters.Truth(given[0]);
        return new ListValue(Sorted(on, pairs, pair => [Folded(on, ((ListValue)pair).Items[at], fold)], Filters.Truth(given[2])));
    }

    private static List<Value> Sorted(Interpreter on, IReadOnlyList<Value> items, Func<Value, IReadOnlyList<Value>> keys, bool reverse)
    {
        List<(Value Item, ListValue Key)> keyed = [.. items.Select(item => (item, new ListValue(keys(item))))];
        return [.. Sorting.Sort(keyed, (a, b) => (Operators.Compare("<", a.Key, b.Key, on.Work) ?? 0) * (reverse ? -1 : 1)).Select(pair =>
            pair.Item)];
    }

    private static IEnumerable<Value> Unique(Interpreter on, Value value, Func<Value, Value> key)
    {
        HashSet<Value> seen = new(KeyComparer.Instance);
        foreach (var item in Sequences.Each(value, on.Work))
        {
            if (seen.Add(Operators.Key(key(item), on.Work)))
            {
                yield return item;
            }
        }
    }

    private static Value Extreme(Interpreter on, Value value, Arguments arguments, string name, int sign)
    {
        var given = arguments.Take(name, "case_sensitive", "attribute");
        var key = Key(on, given[1], Filters.Truth(given[0]));
        Value? best = null;
        foreach (var item in Sequences.Each(value, on.Work))
        {
            best = best is null || Operators.Compare(sign < 0 ? "<" : ">", key(item), key(best), on.Work) * sign > 0 ? item : best;
        }
        return best ?? new UndefinedValue("No aggregated item, sequence was empty.");
    }

    private static Value Sum(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("sum", "attribute", "start");
        var get = given[0] is null or NoneValue ? item => item : Lookup(on, given[0]!);
        return Sequences.Each(value, on.Work).Aggregate(given[1] ?? Value.Of(0), (sum, item) => Operators.Apply("+", sum, get(item),
            on.Work));
    }

    private static Value Batch(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("batch", "linecount", "fill_with");
        var count = Filters.Whole(given[0]) is { } some and > 0 ? some : throw new TemplateException("batch needs a count above 0");
        List<Value> batches = [.. Sequences.All(value, on.Work).Chunk(count).Select(chunk => new ListValue(chunk))];
        if (given[1] is { } fill and not NoneValue && batches is [.., ListValue last] && last.Items.Count < count)
        {
            on.Work.Step(count);
            batches[^1] = new ListValue([.. last.Items, .. Enumerable.Repeat(fill, count - last.Items.Count)]);
        }
        return new GeneratorValue(batches);
    }

    private static Value Slices(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("slice", "slices", "fill_with");
        var count = Filters.Whole(given[0]) is { } some and > 0 ? some : throw new TemplateException("slice needs a count above 0");
        on.Work.Step(count);
        var items = Sequences.All(value, on.Work);
        var (each, more) = (items.Count / count, items.Count % count);
        return new GeneratorValue(Enumerable.Range(0, count).Select(i =>
        {
            var part = items.Skip((i * each) + Math.Min(i, more)).Take(each + (i < more ? 1 : 0));
            return new ListValue(given[1] is { } fill and not NoneValue && i >= more ? [.. part, fill] : [.. part]);
        }).ToList());
    }

    private static Value GroupBy(Interpreter on, Value value, Arguments arguments)
    {
        var given = arguments.Take("groupby", "attribute", "default", "case_sensitive");
        var lookup = Lookup(on, given[0] ?? throw new TemplateException("groupby needs an attribute"), given[1]);
        var fold = !Filters.Truth(given[2]);
        List<Value> groups = [];
        List<Value> members = [];
        Value? current = null;
        foreach (var item in Sorted(on, Sequences.All(value, on.Work), item => [Folded(on, lookup(item), fold)], reverse: false))
        {
            if (current is not null && !Operators.AreEqual(Folded(on, lookup(item), fold), Folded(on, current, fold), on.Work))
            {
                groups.Add(Group(current, members));
                (members, current) = ([], null);
            }
            current ??= lookup(item);
            members.Add(item);
        }
        return new ListValue(current is null ? groups : [.. groups, Group(current, members)]);

        static Value Group(Value by, List<Value> members) => new ListValue([by, new ListValue(members)], tuple: true);
    }

    private static Func<Value, Value> Key(Interpreter on, Value? attribute, bool caseSensitive)
    {
        var get = attribute is null or NoneValue ? item => item : Lookup(on, attribute);
        return item => Folded(on, get(item), !caseSensitive);
    }

    private static Func<Value, IReadOnlyList<Value>> Keys(Interpreter on, Value? attribute, bool caseSensitive)
    {
        if (attribute is not StringValue several)
        {
            var key = Key(on, attribute, caseSensitive);
            return item => [key(item)];
        }
        Func<Value, Value>[] keys = [.. several.Text.Value.Split(',').Select(name => Key(on, Value.Of(name, Origin.Template),
            caseSensitive))];
        return item => [.. keys.Select(key => key(item))];
    }

    private static Value Folded(Interpreter on, Value value, bool fold) =>
        fold && value is StringValue text ? Value.Of(CaseMapping.ToLower(text.Text, on.Work)) : value;

    /// <summary>What "a.b.0" means: attributes of attributes, and indexes.</summary>
    public static Func<Value, Value> Lookup(Interpreter on, Value attribute, Value? otherwise = null)
    {
        Value[] path = attribute is StringValue text
            ? [.. text.Text.Value.Split('.').Select(part => part.Length is > 0 and < 9 && part.All(char.IsAsciiDigit)
                ? Numbers.Of(Numbers.ParseWhole(part)!.Value)
                : Value.Of(part, Origin.Template))] : [attribute];
        return item => path.Aggregate(item, (of, part) =>
        {
            on.Work.Step();
            return Indexing.Item(of, part, on.Work) is var found && found is UndefinedValue && otherwise is not null ? otherwise : found;
        });
    }
}
