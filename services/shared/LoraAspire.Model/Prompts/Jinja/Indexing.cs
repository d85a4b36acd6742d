using System.Numerics;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>value.name, value[index] and value[start:stop:step].</summary>
internal static class Indexing
{
    private static readonly HashSet<string> ChangingList = new(StringComparer.Ordinal)
        { "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort" };

    private static readonly HashSet<string> ChangingDict = new(StringComparer.Ordinal)
        { "clear", "pop", "popitem", "setdefault", "update" };

    /// <summary>A method comes before a key, as in Python.</summary>
    public static Value Attribute(Value value, string name, Work work) =>
        Member(value, name, work) ?? (value is DictValue dict ? dict.Find(name) : null) ?? Missing(value, name);

    /// <summary>A key comes before a method.</summary>
    public static Value Item(Value value, Value index, Work work)
    {
        if (value is UndefinedValue missing)
        {
            throw missing.Refusal();
        }
        var found = (value, index) switch
        {
            (DictValue dict, _) when KeyComparer.IsKey(index) => Operators.Find(dict, index, work),
            (ListValue list, IntValue or BoolValue) => At(list.Items, Numbers.Whole(index)),
            (RangeValue range, IntValue or BoolValue) => Place(range.Count, Numbers.Whole(index)) is { } at ? range[at] : null,
            (StringValue text, IntValue or BoolValue) => Place(text.Text.Length, Numbers.Whole(index)) is { } at
                ? Value.Of(text.Text.At(at)) : null,
            _ => null,
        };
        if (found is not null)
        {
            return found;
        }
        if (index is StringValue { Text.Value: var name })
        {
            work.Touch(name.Length);
            return Member(value, name, work) ?? Missing(value, name);
        }
        return new UndefinedValue($"{value.Repr} has no element {Printing.Repr(index, work)}");
    }

    public static Value Slice(Value value, Value start, Value stop, Value step, Work work)
    {
        if (value is UndefinedValue missing)
        {
            throw missing.Refusal();
        }
        if (value is not (ListValue or StringValue or RangeValue) || Sequences.Length(value) is not { } length)
        {
            throw new TemplateException(value is DictValue ? "unhashable type: 'slice'" : $"'{value.Type}' object is not subscriptable");
        }
        var by = step is NoneValue ? 1 : Numbers.Small(step);
        if (by == 0)
        {
            throw new TemplateException("slice step cannot be zero");
        }
        var (first, end) = by > 0 ? (Bound(start, 0, 0, length, length), Bound(stop, length, 0, length, length))
            : (Bound(start, length - 1, -1, length - 1, length), Bound(stop, -1, -1, length - 1, length));
        if (by == 1 && value is StringValue whole)
        {
            work.Letters(Math.Max(0, end - first));
            work.Origins(whole.Text.Runs.Length);
            return Value.Of(whole.Text.Part(whole.Text.Unit(first), whole.Text.Unit(Math.Max(first, end))));
        }
        List<long> places = [];
        for (long at = first; by > 0 ? at < end : at > end; at += by)
        {
            work.Step();
            places.Add(at);
        }
        if (value is StringValue { Text: var text })
        {
            TextBuilder part = new();
            places.ForEach(at => part.Append(text, text.Unit((int)at), text.Unit((int)at + 1)));
            return Value.Of(part.ToText());
        }
        return value is ListValue list ? new ListValue([.. places.Select(at => list.Items[(int)at])], list.IsTuple)
            : new ListValue([.. places.Select(at => ((RangeValue)value)[(int)at])]);
    }

    private static Value? Member(Value value, string name, Work work)
    {
        if (value is UndefinedValue missing)
        {
            throw missing.Refusal();
        }
        if (name.StartsWith("__", StringComparison.Ordinal) && name.EndsWith("__", StringComparison.Ordinal))
        {
            return new UndefinedValue($"access to attribute {Printing.Repr(name)} of '{value.Type}' object is unsafe.");
        }
        if ((value is ListValue { IsTuple: false } && ChangingList.Contains(name)) || (value is DictValue && ChangingDict.Contains(name)))
        {
            return new UndefinedValue($"access to attribute '{name}' of '{value.Type}' object is unsafe.");
        }
        return value switch
        {
            StringValue text => StringMethods.Find(text.Text, name, work),
            DictValue dict => DictMethods.Find(dict, name, work),
            ListValue list => DictMethods.Find(list, name, work),
            NamespaceValue space => space.Attributes.GetValueOrDefault(name),
            LoopValue loop => loop.Find(name),
            FunctionValue { Attributes: { } attributes } => attributes.GetValueOrDefault(name),
            ObjectValue thing => thing.Members.GetValueOrDefault(name)?.Invoke(),
            _ => null,
        };
    }

    private static UndefinedValue Missing(Value value, string name) =>
        new($"{Printing.Repr(value.Repr)} has no attribute {Printing.Repr(name)}");

    private static int? Place(int length, BigInteger index)
    {
        index += index < 0 ? length : 0;
        return index >= 0 && index < length ? (int)index : null;
    }

    private static Value? At(IReadOnlyList<Value> items, BigInteger index) => Place(items.Count, index) is { } at ? items[at] : null;

    private static int Bound(Value given, int otherwise, int least, int most, int length)
    {
        if (given is NoneValue)
        {
            return otherwise;
        }
        if (given is not (IntValue or BoolValue or UndefinedValue))
        {
            throw new TemplateException("slice indices must be integers or None or have an __index__ method");
        }
        var at = Numbers.Small(given);
        return Math.Clamp(at < 0 ? at + length : at, least, Math.Max(least, most));
    }
}
