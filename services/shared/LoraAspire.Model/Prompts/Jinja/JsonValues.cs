using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>JSON as Python's json module reads it, and writes it for the filter tojson.</summary>
internal static class JsonValues
{
    public static Value Read(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var entries = DictValue.NewEntries();
                foreach (var property in element.EnumerateObject())
                {
                    entries[Value.Of(Name(property), Origin.Data)] = Read(property.Value);
                }
                return new DictValue(entries);
            case JsonValueKind.Array: return new ListValue([.. element.EnumerateArray().Select(Read)]);
            case JsonValueKind.String: return Value.Of(Letters(element), Origin.Data);
            case JsonValueKind.True: return Value.True;
            case JsonValueKind.False: return Value.False;
            case JsonValueKind.Number: return Number(element.GetRawText());
            default: return Value.None;
        }
    }

    /// <summary>All of it counts as data: letters of a template that went through escapes aren't the template's any more.</summary>
    public static Text Write(Value value, int? indent, string? item, string? key, bool ascii, bool sorted, Work work)
    {
        StringBuilder json = new();
        new Writer(json, indent, item ?? (indent is null ? ", " : ","), key ?? ": ", ascii, sorted, work).Write(value, 0);
        return new(json.ToString(), Origin.Data);
    }

    private static Value Number(string text)
    {
        if (text.AsSpan().IndexOfAny('.', 'e', 'E') < 0 && text.Length <= 1000)
        {
            return new IntValue(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
        }
        return new FloatValue(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture));
    }

    /// <summary>.NET takes no text out of JSON in which half of a surrogate pair is escaped; Python does.</summary>
    private static string Letters(JsonElement element)
    {
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Unescape(element.GetRawText().AsSpan()[1..^1]);
        }
    }

    private static string Name(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            return Unescape(property.ToString().AsSpan()[1..]); // "name": value
        }
    }

    private static string Unescape(ReadOnlySpan<char> raw)
    {
        StringBuilder text = new();
        for (var at = 0; at < raw.Length && raw[at] != '"'; at++)
        {
            if (raw[at] != '\\' || at + 1 >= raw.Length)
            {
                text.Append(raw[at]);
            }
            else if (raw[++at] == 'u' && at + 4 < raw.Length)
            {
                text.Append((char)ushort.Parse(raw.Slice(at + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                at += 4;
            }
            else
            {
                text.Append(raw[at] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f', var other => other });
            }
        }
        return text.ToString();
    }

    private sealed class Writer(StringBuilder json, int? indent, string comma, string colon, bool ascii, bool sorted, Work work)
    {
        public void Write(Value value, int depth)
        {
            work.Enter();
            switch (value)
            {
                case StringValue text: Quote(text.Text.Value); break;
                case NoneValue: json.Append("null"); break;
                case BoolValue truth: json.Append(truth.Value ? "true" : "false"); break;
                case IntValue number: json.Append(number.Value.ToString(CultureInfo.InvariantCulture)); break;
                case FloatValue number: json.Append(Float(number.Value)); break;
                case ListValue list: Several('[', ']', list.Items, item => Write(item, depth + 1), depth); break;
                case DictValue dict: Several('{', '}', Entries(dict), entry => Entry(entry, depth), depth); break;
                default: throw new TemplateException($"Object of type {value.Type} is not JSON serializable");
            }
            work.Leave();
            work.Fits(json.Length);
        }

        private IReadOnlyList<KeyValuePair<Value, Value>> Entries(DictValue dict)
        {
            work.Step(dict.Entries.Count);
            List<KeyValuePair<Value, Value>> entries = [.. dict.Entries];
            return sorted ? Sorting.Sort(entries, (a, b) => Operators.Compare("<", a.Key, b.Key, work) ?? 0) : entries;
        }

        private void Entry(KeyValuePair<Value, Value> entry, int depth)
        {
            Quote(entry.Key switch
            {
                StringValue text => text.Text.Value,
                NoneValue => "null",
                BoolValue truth => truth.Value ? "true" : "false",
                FloatValue number => Float(number.Value),
                IntValue number => number.Value.ToString(CultureInfo.InvariantCulture),
                _ => throw new TemplateException($"keys must be str, int, float, bool or None, not {entry.Key.Type}"),
            });
            json.Append(colon);
            Write(entry.Value, depth + 1);
        }

        private void Several<T>(char open, char close, IReadOnlyList<T> items, Action<T> write, int depth)
        {
            json.Append(open);
            for (var i = 0; i < items.Count; i++)
            {
                json.Append(i > 0 ? comma : "");
                Line(depth + 1);
                write(items[i]);
            }
            if (items.Count > 0)
            {
                Line(depth);
            }
            json.Append(close);
        }

        private void Line(int depth)
        {
            if (indent is { } by)
            {
                work.Letters((long)by * depth);
                json.Append('\n').Append(' ', by * depth);
            }
        }

        private static string Float(double value) => double.IsNaN(value) ? "NaN" : double.IsInfinity(value) ? value > 0 ? "Infinity"
            : "-Infinity" : Printing.Float(value);

        private void Quote(string text)
        {
            work.Letters(text.Length);
            json.Append('"');
            foreach (var letter in text)
            {
                _ = letter switch
                {
                    '"' => json.Append("\\\""),
                    '\\' => json.Append("\\\\"),
                    '\n' => json.Append("\\n"),
                    '\r' => json.Append("\\r"),
                    '\t' => json.Append("\\t"),
                    '\b' => json.Append("\\b"),
                    '\f' => json.Append("\\f"),
                    < ' ' => json.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}"),
                    > '~' when ascii => json.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}"),
                    _ => json.Append(letter),
                };
            }
            json.Append('"');
        }
    }
}
