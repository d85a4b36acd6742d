using System.Globalization;
using System.Text;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Python's str() and repr().</summary>
internal static class Printing
{
    /// <summary>What {{ … }} writes. Only strings keep their letters' origins: all else is data.</summary>
    public static Text Str(Value value, Work work)
    {
        if (value is StringValue text)
        {
            return text.Text;
        }
        StringBuilder letters = new();
        if (value is not UndefinedValue)
        {
            Write(value, letters, work);
        }
        return new(letters.ToString(), Origin.Data);
    }

    public static string Repr(string text)
    {
        StringBuilder letters = new();
        Quote(text, letters);
        return letters.ToString();
    }

    public static string Repr(Value value, Work work)
    {
        StringBuilder letters = new();
        Write(value, letters, work);
        return letters.ToString();
    }

    /// <summary>The shortest digits that give the same number, as Python lays them out.</summary>
    public static string Float(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }
        var text = value.ToString("E16", CultureInfo.InvariantCulture);
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        var mantissa = (shortest.Contains('E') ? shortest[..shortest.IndexOf('E')] : shortest).TrimStart('-');
        var exponent = value == 0 ? 0 : int.Parse(text.AsSpan(text.IndexOf('E') + 1), NumberStyles.AllowLeadingSign,
            CultureInfo.InvariantCulture);
        var digits = mantissa.Replace(".", "", StringComparison.Ordinal).TrimStart('0').TrimEnd('0') is { Length: > 0 } some ? some : "0";
        var sign = double.IsNegative(value) ? "-" : "";
        return exponent switch
        {
            < -4 or >= 16 =>
                $"{sign}{digits[0]}{(digits.Length > 1 ? "." + digits[1..] : "")}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}",
            < 0 => $"{sign}0.{new string('0', -exponent - 1)}{digits}",
            _ when digits.Length <= exponent + 1 => $"{sign}{digits.PadRight(exponent + 1, '0')}.0",
            _ => $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}",
        };
    }

    private static void Write(Value value, StringBuilder letters, Work work)
    {
        work.Enter();
        switch (value)
        {
            case StringValue text:
                work.Letters(text.Text.Value.Length);
                if (text.Text.Markup)
                {
                    letters.Append("Markup(");
                }
                Quote(text.Text.Value, letters);
                letters.Append(text.Text.Markup ? ")" : "");
                break;
            case IntValue number: letters.Append(number.Value.ToString(CultureInfo.InvariantCulture)); break;
            case FloatValue number: letters.Append(Float(number.Value)); break;
            case BoolValue truth: letters.Append(truth.Value ? "True" : "False"); break;
            case NoneValue: letters.Append("None"); break;
            case UndefinedValue: letters.Append("Undefined"); break;
            case ListValue list:
                List(list.Items, list.IsTuple ? "(" : "[", list.IsTuple ? list.Items.Count == 1 ? ",)" : ")" : "]",
                letters, work); break;
            case ViewValue view: List(view.Items, view.Type + "([", "])", letters, work); break;
            case DictValue dict: Entries(dict.Entries, letters, work); break;
            case NamespaceValue space:
                letters.Append("<Namespace ");
                Entries(space.Attributes.Select(entry => KeyValuePair.Create(Value.Of(entry.Key, Origin.Data), entry.Value)), letters,
                    work);
                letters.Append('>');
                break;
            case RangeValue range:
                var stop = range.Start + ((long)range.Step * range.Count);
                letters.Append(CultureInfo.InvariantCulture,
                    $"range({range.Start}, {stop}{(range.Step == 1 ? "" : ", " + range.Step.ToString(CultureInfo.InvariantCulture))})");
                break;
            case FunctionValue function:
                letters.Append(function.Attributes is null ? "<function " + function.Name + ">" : "<Macro "
                + Repr(function.Name) + ">"); break;
            default: letters.Append('<').Append(value.Type).Append(" object>"); break;
        }
        work.Leave();
        work.Fits(letters.Length);
    }

    private static void List(IEnumerable<Value> items, string open, string close, StringBuilder letters, Work work)
    {
        letters.Append(open);
        var first = true;
        foreach (var item in items)
        {
            letters.Append(first ? "" : ", ");
            first = false;
            Write(item, letters, work);
        }
        letters.Append(close);
    }

    private static void Entries(IEnumerable<KeyValuePair<Value, Value>> entries, StringBuilder letters, Work work)
    {
        letters.Append('{');
        var first = true;
        foreach (var (key, value) in entries)
        {
            letters.Append(first ? "" : ", ");
            first = false;
            Write(key, letters, work);
            letters.Append(": ");
            Write(value, letters, work);
        }
        letters.Append('}');
    }

    private static void Quote(string text, StringBuilder letters)
    {
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        letters.Append(quote);
        for (var at = 0; at < text.Length; at++)
        {
            var letter = text[at];
            var code = Text.Code(text, at);
            var printable =
                code == ' ' || CharUnicodeInfo.GetUnicodeCategory(code) is not (UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);
            var escaped = letter == quote || letter == '\\' ? "\\" + letter : letter switch
            {
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ when printable => code > 0xffff ? text.Substring(at, 2) : letter.ToString(),
                _ => code switch { < 0x100 => $"\\x{code:x2}", < 0x10000 => $"\\u{code:x4}", _ => $"\\U{code:x8}" },
            };
            letters.Append(escaped);
            at += code > 0xffff ? 1 : 0;
        }
        letters.Append(quote);
    }
}
