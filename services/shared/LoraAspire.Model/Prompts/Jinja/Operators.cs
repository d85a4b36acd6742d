using System.Numerics;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Python's comparisons, and + - * / // % ** on what isn't a number.</summary>
internal static class Operators
{
    public static bool AreEqual(Value one, Value other, Work work)
    {
        work.Enter();
        var equal = (one, other) switch
        {
            (StringValue a, StringValue b) => SameLetters(a.Text.Value, b.Text.Value, work),
            (ListValue a, ListValue b) => a.IsTuple == b.IsTuple && a.Items.Count == b.Items.Count
                && a.Items.Zip(b.Items).All(pair => AreEqual(pair.First, pair.Second, work)),
            (DictValue a, DictValue b) => a.Entries.Count == b.Entries.Count
                && a.Entries.All(entry => Find(b, entry.Key, work) is { } found && AreEqual(entry.Value, found, work)),
            (RangeValue a, RangeValue b) => a.Count == b.Count && (a.Count == 0 || (a.Start == b.Start && (a.Count == 1
                || a.Step == b.Step))),
            (UndefinedValue, UndefinedValue) => true,
            _ => ReferenceEquals(one, other) || KeyComparer.Instance.Equals(one, other),
        };
        work.Leave();
        return equal;
    }

    public static Value? Find(DictValue dict, Value key, Work work) => dict.Entries.GetValueOrDefault(Key(key, work));

    /// <summary>The value as a key, paid for: it is hashed, and compared with those that are there.</summary>
    public static Value Key(Value value, Work work)
    {
        work.Touch(value is StringValue text ? text.Text.Value.Length : 1);
        return KeyComparer.IsKey(value) ? value : throw new TemplateException($"unhashable type: '{value.Type}'");
    }

    /// <summary>Less than 0, 0 or more, as for sort; NaN is told by null.</summary>
    /// <exception cref="TemplateException">The two have no order.</exception>
    public static int? Compare(string op, Value one, Value other, Work work)
    {
        work.Enter();
        var order = (one, other) switch
        {
            (StringValue a, StringValue b) => Letters(a.Text.Value, b.Text.Value, work),
            (ListValue a, ListValue b) when a.IsTuple == b.IsTuple => Items(op, a.Items, b.Items, work),
            (UndefinedValue missing, _) => throw missing.Refusal(),
            (_, UndefinedValue missing) => throw missing.Refusal(),
            _ when Numbers.IsNumber(one) && Numbers.IsNumber(other) => Numbers.Compare(one, other),
            _ => throw new TemplateException($"'{op}' not supported between instances of '{one.Type}' and '{other.Type}'"),
        };
        work.Leave();
        return order;
    }

    public static bool Contains(Value container, Value item, Work work)
    {
        switch (container)
        {
            case StringValue text:
                return item is StringValue part ? Search.Find(text.Text.Value, part.Text.Value, work) >= 0
                    : throw (item as UndefinedValue)?.Refusal()
                    ?? new TemplateException($"'in <string>' requires string as left operand, not {item.Type}");
            case DictValue dict:
                return Find(dict, item, work) is not null;
            case ListValue or ViewValue or RangeValue or GeneratorValue or UndefinedValue:
                return Sequences.Each(container, work).Any(each => AreEqual(each, item, work));
            default:
                throw new TemplateException($"argument of type '{container.Type}' is not iterable");
        }
    }

    public static Value Apply(string op, Value left, Value right, Work work)
    {
        if (Numbers.IsNumber(left) && Numbers.IsNumber(right))
        {
            return Numbers.Apply(op, left, right);
        }
        return (op, left, right) switch
        {
            (_, UndefinedValue missing, _) => throw missing.Refusal(),
            ("%", StringValue format, _) => Value.Of(Formatting.Percent(format.Text, right, work)),
            (_, _, UndefinedValue missing) => throw missing.Refusal(),
            ("+", StringValue a, StringValue b) => Value.Of(Concatenate(a.Text, b.Text, work)),
            ("+", ListValue a, ListValue b) when a.IsTuple == b.IsTuple => Joined(a, b, work),
            ("+", StringValue or ListValue, _) => throw new TemplateException(
                $"can only concatenate {left.Type} (not \"{right.Type}\") to {left.Type}"),
            ("*", StringValue or ListValue, IntValue or BoolValue) => Repeat(left, Numbers.Whole(right), work),
            ("*", IntValue or BoolValue, StringValue or ListValue) => Repeat(right, Numbers.Whole(left), work),
            ("*", StringValue or ListValue, _) => throw new TemplateException($"can't multiply sequence by non-int of type '{right.Type}'"),
            ("*", _, StringValue or ListValue) => throw new TemplateException($"can't multiply sequence by non-int of type '{left.Type}'"),
            _ => throw new TemplateException(
                $"unsupported operand type(s) for {(op == "**" ? "** or pow()" : op)}: '{left.Type}' and '{right.Type}'"),
        };
    }

    public static Text Concatenate(Text left, Text right, Work work)
    {
        if (left.Markup != right.Markup)
        {
            (left, right) = (Escaping.Escape(left, work), Escaping.Escape(right, work));
        }
        work.Letters((long)left.Value.Length + right.Value.Length);
        work.Origins(left.Runs.Length + right.Runs.Length);
        TextBuilder both = new();
        both.Append(left);
        both.Append(right);
        return both.ToText(left.Markup);
    }

    private static ListValue Joined(ListValue a, ListValue b, Work work)
    {
        work.Step((long)a.Items.Count + b.Items.Count);
        return new([.. a.Items, .. b.Items], a.IsTuple);
    }

    private static Value Repeat(Value sequence, BigInteger times, Work work)
    {
        var count = (int)BigInteger.Min(BigInteger.Max(times, 0), int.MaxValue);
        if (sequence is StringValue { Text: var text })
        {
            work.Letters((long)text.Value.Length * count);
            work.Origins((long)text.Runs.Length * count);
            TextBuilder all = new();
            for (var i = 0; i < count && !text.IsEmpty; i++)
            {
                all.Append(text);
            }
            return Value.Of(all.ToText(text.Markup));
        }
        var list = (ListValue)sequence;
        work.Step((long)list.Items.Count * count);
        return new ListValue(list.Items.Count == 0 ? [] : [.. Enumerable.Repeat(list.Items, count).SelectMany(items => items)],
            list.IsTuple);
    }

    private static bool SameLetters(string a, string b, Work work)
    {
        work.Touch(Math.Min(a.Length, b.Length));
        return a == b;
    }

    /// <summary>By code points: UTF-16 units would put the last of Unicode's first plane behind all other planes.</summary>
    private static int Letters(string a, string b, Work work)
    {
        work.Touch(Math.Min(a.Length, b.Length));
        var same = a.AsSpan().CommonPrefixLength(b);
        if (same == a.Length || same == b.Length)
        {
            return a.Length.CompareTo(b.Length);
        }
        static int Rank(char letter) => char.IsSurrogate(letter) ? letter + 0x10000 : letter;
        return Rank(a[same]).CompareTo(Rank(b[same]));
    }

    private static int? Items(string op, IReadOnlyList<Value> a, IReadOnlyList<Value> b, Work work)
    {
        for (var i = 0; i < Math.Min(a.Count, b.Count); i++)
        {
            if (!AreEqual(a[i], b[i], work))
            {
                return Compare(op, a[i], b[i], work);
            }
        }
        return a.Count.CompareTo(b.Count);
    }
}
