using System.Numerics;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>What an expression of a template can be. The set is closed: nothing of .NET can be reached from it.</summary>
/// <param name="type">Python's name of its type, as errors have it.</param>
internal abstract class Value(string type)
{
    public string Type => type;

    /// <summary>As jinja2 calls it in "... has no attribute".</summary>
    public string Repr => this is NoneValue ? "None" : Module + type + " object";

    protected virtual string Module => "";

    public static readonly Value None = new NoneValue();
    public static readonly Value True = new BoolValue(true);
    public static readonly Value False = new BoolValue(false);

    public static Value Of(bool value) => value ? True : False;

    public static Value Of(long value) => new IntValue(value);

    public static Value Of(string value, Origin origin) => new StringValue(new(value, origin));

    public static Value Of(Text value) => new StringValue(value);
}

/// <summary>Prints as nothing; whatever else is done with it fails with these words.</summary>
internal sealed class UndefinedValue(string words) : Value("Undefined")
{
    public string Words => words;

    protected override string Module => "jinja2.runtime.";

    public static UndefinedValue Name(string name) => new($"'{name}' is undefined");

    public TemplateException Refusal() => new(words);
}

internal sealed class NoneValue() : Value("NoneType");

internal sealed class BoolValue(bool value) : Value("bool")
{
    public bool Value => value;
}

internal sealed class IntValue(BigInteger value) : Value("int")
{
    public BigInteger Value => value;
}

internal sealed class FloatValue(double value) : Value("float")
{
    public double Value => value;
}

internal sealed class StringValue(Text text) : Value("str")
{
    public Text Text => text;
}

/// <summary>A list or a tuple. No template changes it: the sandbox of jinja2 is the immutable one.</summary>
internal sealed class ListValue(IReadOnlyList<Value> items, bool tuple = false) : Value(tuple ? "tuple" : "list")
{
    public IReadOnlyList<Value> Items => items;

    public bool IsTuple => tuple;
}

internal sealed class DictValue(OrderedDictionary<Value, Value> entries) : Value("dict")
{
    public OrderedDictionary<Value, Value> Entries => entries;

    public static OrderedDictionary<Value, Value> NewEntries() => new(KeyComparer.Instance);

    public Value? Find(string key) => entries.GetValueOrDefault(Of(key, Origin.Template));
}

/// <summary>What keys(), values() and items() of a dict give: can be gone through again and again, and has no indexes.</summary>
internal sealed class ViewValue(string type, IReadOnlyList<Value> items) : Value(type)
{
    public IReadOnlyList<Value> Items => items;
}

internal sealed class RangeValue(int start, int step, int count) : Value("range")
{
    public int Count => count;

    public int Start => start;

    public int Step => step;

    public Value this[int index] => Of(start + ((long)step * index));
}

/// <summary>What map, select and their like give: can be gone through once, is always true, and has no length.</summary>
internal sealed class GeneratorValue(IEnumerable<Value> items) : Value("generator")
{
    private readonly IEnumerator<Value> _items = items.GetEnumerator();

    public bool Next(out Value item)
    {
        var found = _items.MoveNext();
        item = found ? _items.Current : None;
        return found;
    }
}

/// <summary>What {% set ns.name = … %} may change.</summary>
internal sealed class NamespaceValue : Value
{
    public NamespaceValue() : base("Namespace")
    {
    }

    public Dictionary<string, Value> Attributes { get; } = new(StringComparer.Ordinal);

    protected override string Module => "jinja2.utils.";
}

/// <summary>What cycler() and joiner() give.</summary>
internal sealed class ObjectValue(string type, IReadOnlyDictionary<string, Func<Value>> members, Func<Value>? call = null) : Value(type)
{
    public IReadOnlyDictionary<string, Func<Value>> Members => members;

    public Func<Value>? Call => call;

    protected override string Module => "jinja2.utils.";
}

/// <summary>A function, a method or a macro.</summary>
internal sealed class FunctionValue(string type, string name, Func<Arguments, Value> call) : Value(type)
{
    public string Name => name;

    public Func<Arguments, Value> Call => call;

    /// <summary>A macro's facts (name, arguments, catch_varargs …).</summary>
    public IReadOnlyDictionary<string, Value>? Attributes { get; init; }

    protected override string Module => Attributes is null ? "" : "jinja2.runtime.";
}
