using System.Globalization;
using System.Text;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>The functions that every template sees: jinja2's, and the two that transformers adds.</summary>
internal static class Globals
{
    public static Dictionary<string, Value> For(Interpreter on, DateTimeOffset now)
    {
        Dictionary<string, Value> all = new(StringComparer.Ordinal);
        Add("range", Range);
        Add("dict", arguments => Dict(on, arguments));
        Add("namespace", arguments => Namespace(on, arguments));
        Add("joiner", arguments => Joiner(arguments.Take("joiner", "sep")[0] ?? Value.Of(", ", Origin.Template)));
        Add("cycler", arguments => Cycler(arguments.Positional));
        Add("raise_exception", arguments => throw new TemplateException(on.Str(arguments.Take("raise_exception", "message")[0]
            ?? Value.None).Value));
        Add("strftime_now", arguments => Value.Of(Time(now, StringMethods.Text(arguments.Take("strftime_now", "format")[0],
            "strftime_now").Value), Origin.Data));
        return all;

        void Add(string name, Func<Arguments, Value> call) => all[name] = new FunctionValue("function", name, call);
    }

    private static Value Range(Arguments arguments)
    {
        var given = arguments.Positional.Select(Numbers.Small).ToArray();
        if (given.Length is 0 or > 3 || arguments.Named.Count > 0)
        {
            throw new TemplateException($"range expected 1 to 3 arguments, got {given.Length + arguments.Named.Count}");
        }
        var (start, stop, step) = given.Length == 1 ? (0, given[0], 1) : (given[0], given[1], given.Length == 3 ? given[2] : 1);
        if (step == 0)
        {
            throw new TemplateException("range() arg 3 must not be zero");
        }
        var count = Math.Max(0L, step > 0 ? ((long)stop - start + step - 1) / step : ((long)start - stop - step - 1) / -(long)step);
        return count <= TemplateLimits.Range ? new RangeValue(start, step, (int)count)
            : throw new TemplateException($"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({TemplateLimits.Range}).");
    }

    private static DictValue Dict(Interpreter on, Arguments arguments)
    {
        var entries = DictValue.NewEntries();
        if (arguments.Positional is [DictValue from])
        {
            foreach (var (key, value) in from.Entries)
            {
                entries[Operators.Key(key, on.Work)] = value;
            }
        }
        else if (arguments.Positional is [{ } pairs])
        {
            foreach (var pair in Sequences.Each(pairs, on.Work))
            {
                var two = Sequences.All(pair, on.Work);
                entries[two.Count == 2 && KeyComparer.IsKey(two[0]) ? Operators.Key(two[0], on.Work)
                    : throw new TemplateException("dict() needs pairs with a key and a value")] = two[1];
            }
        }
        on.Work.Step(entries.Count);
        return DictMethods.Named(arguments.Named, on.Work, entries);
    }

    private static NamespaceValue Namespace(Interpreter on, Arguments arguments)
    {
        NamespaceValue space = new();
        foreach (var (key, value) in Dict(on, arguments).Entries)
        {
            space.Attributes[on.Str(key).Value] = value;
        }
        return space;
    }

    private static ObjectValue Joiner(Value separator)
    {
        var used = false;
        return new("Joiner", new Dictionary<string, Func<Value>>(), () =>
        {
            var text = used ? separator : Value.Of("", Origin.Template);
            used = true;
            return text;
        });
    }

    private static ObjectValue Cycler(IReadOnlyList<Value> items)
    {
        var at = 0;
        return items.Count == 0 ? throw new TemplateException("at least one item has to be provided") : new("Cycler",
            new Dictionary<string, Func<Value>>(StringComparer.Ordinal)
            {
                ["current"] = () => items[at],
                ["next"] = () => new FunctionValue("method", "next", _ =>
                {
                    var item = items[at];
                    at = (at + 1) % items.Count;
                    return item;
                }),
                ["reset"] = () => new FunctionValue("method", "reset", _ =>
                {
                    at = 0;
                    return Value.None;
                }),
            });
    }

    /// <summary>C's strftime in the C locale.</summary>
    private static string Time(DateTimeOffset now, string format)
    {
        StringBuilder text = new();
        var culture = CultureInfo.InvariantCulture;
        for (var at = 0; at < format.Length; at++)
        {
            if (format[at] != '%' || at + 1 == format.Length)
            {
                text.Append(format[at]);
                continue;
            }
            var bare = format[at + 1] == '-' && at + 2 < format.Length;
            at += bare ? 2 : 1;
            var part = format[at] switch
            {
                'd' => now.ToString("dd", culture),
                'e' => now.Day.ToString(culture).PadLeft(2),
                'm' => now.ToString("MM", culture),
                'Y' => now.Year.ToString(culture),
                'y' => now.ToString("yy", culture),
                'b' or 'h' => now.ToString("MMM", culture),
                'B' => now.ToString("MMMM", culture),
                'a' => now.ToString("ddd", culture),
                'A' => now.ToString("dddd", culture),
                'H' => now.ToString("HH", culture),
                'I' => now.ToString("hh", culture),
                'M' => now.ToString("mm", culture),
                'S' => now.ToString("ss", culture),
                'p' => now.Hour < 12 ? "AM" : "PM",
                'f' => now.ToString("ffffff", culture),
                'j' => now.DayOfYear.ToString("000", culture),
                'w' => ((int)now.DayOfWeek).ToString(culture),
                'u' => (((int)now.DayOfWeek + 6) % 7 + 1).ToString(culture),
                'F' => now.ToString("yyyy-MM-dd", culture),
                'T' or 'X' => now.ToString("HH:mm:ss", culture),
                'R' => now.ToString("HH:mm", culture),
                'D' or 'x' => now.ToString("MM/dd/yy", culture),
                'c' => now.ToString("ddd MMM ", culture) + now.Day.ToString(culture).PadLeft(2) + now.ToString(" HH:mm:ss yyyy", culture),
                'n' => "\n",
                't' => "\t",
                '%' => "%",
                'z' or 'Z' => "", // Python's datetime.now() knows no zone
                var other => "%" + (bare ? "-" : "") + other,
            };
            text.Append(bare && part.TrimStart('0') is { Length: > 0 } unpadded && char.IsAsciiDigit(part[0]) ? unpadded : part);
        }
        return text.ToString();
    }
}
