namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>What for, join and list go through.</summary>
internal static class Sequences
{
    /// <exception cref="TemplateException">It isn't iterable.</exception>
    public static IEnumerable<Value> Each(Value value, Work work) => value switch
    {
        ListValue list => Counted(list.Items, work),
        ViewValue view => Counted(view.Items, work),
        DictValue dict => Counted(dict.Entries.Keys, work),
        StringValue text => Letters(text.Text, work),
        RangeValue range => Counted(Enumerable.Range(0, range.Count).Select(i => range[i]), work),
        GeneratorValue generator => Rest(generator, work),
        UndefinedValue => [],
        _ => throw new TemplateException($"'{value.Type}' object is not iterable"),
    };

    public static List<Value> All(Value value, Work work) => [.. Each(value, work)];

    /// <summary>Python's len(); null where there is none.</summary>
    public static int? Length(Value value) => value switch
    {
        ListValue list => list.Items.Count,
        ViewValue view => view.Items.Count,
        DictValue dict => dict.Entries.Count,
        StringValue text => text.Text.Length,
        RangeValue range => range.Count,
        UndefinedValue => 0,
        _ => null,
    };

    public static bool IsTrue(Value value) => value switch
    {
        NoneValue or UndefinedValue => false,
        BoolValue truth => truth.Value,
        IntValue number => !number.Value.IsZero,
        FloatValue number => number.Value != 0,
        _ => Length(value) != 0,
    };

    public static bool IsIterable(Value value) => value is GeneratorValue || Length(value) is not null;

    private static IEnumerable<Value> Counted(IEnumerable<Value> items, Work work)
    {
        foreach (var item in items)
        {
            work.Step();
            yield return item;
        }
    }

    private static IEnumerable<Value> Letters(Text text, Work work)
    {
        for (var i = 0; i < text.Length; i++)
        {
            work.Step();
            yield return Value.Of(text.At(i));
        }
    }

    private static IEnumerable<Value> Rest(GeneratorValue generator, Work work)
    {
        while (true)
        {
            // A generator may take its items from another, and that from a third.
            work.Enter();
            var found = generator.Next(out var item);
            work.Leave();
            if (!found)
            {
                yield break;
            }
            yield return item;
        }
    }
}
