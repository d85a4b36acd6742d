using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Python's "…" % values and "…".format(values).</summary>
internal static partial class Formatting
{
    public static Text Percent(Text format, Value values, Work work)
    {
        work.Copy(format);
        TextBuilder text = new();
        var (value, used, from) = (format.Value, 0, 0);
        var several = values is ListValue { IsTuple: true } tuple ? tuple.Items : [values];
        while (value.IndexOf('%', from) is var at and >= 0)
        {
            work.Step();
            text.Append(format, from, at);
            var match = Conversion().Match(value, at);
            if (!match.Success || match.Index != at)
            {
                throw new TemplateException("incomplete format");
            }
            from = at + match.Length;
            if (match.Groups["kind"].ValueSpan is "%")
            {
                text.Append(format, at, at + 1);
                continue;
            }
            var item = match.Groups["key"] is { Success: true, Value: var key }
                ? (values as DictValue ?? throw new TemplateException("format requires a mapping")).Find(key)
                    ?? throw new TemplateException($"KeyError: {Printing.Repr(key)}")
                : used < several.Count ? several[used++] : throw new TemplateException("not enough arguments for format string");
            text.Append(Field(item, match.Groups["kind"].Value, match.Groups["flags"].Value, match.Groups["width"].Value,
                match.Groups["precision"], work));
            work.Letters(text.Length);
        }
        text.Append(format, from, value.Length);
        return used < several.Count && values is not DictValue
            ? throw new TemplateException("not all arguments converted during string formatting") : text.ToText();
    }

    public static Text Format(Text format, Arguments arguments, Work work)
    {
        TextBuilder text = new();
        var (value, next, from) = (format.Value, 0, 0);
        var named = DictMethods.Named(arguments.Named, work);
        while (value.AsSpan(from).IndexOfAny('{', '}') is var brace and >= 0)
        {
            work.Step();
            var at = from + brace;
            text.Append(format, from, at);
            if (at + 1 < value.Length && value[at + 1] == value[at])
            {
                text.Append(format, at, at + 1);
                from = at + 2;
                continue;
            }
            var match = Replacement().Match(value, at);
            if (!match.Success || match.Index != at)
            {
                throw new TemplateException(value[at] == '{' ? "expected '}' before end of string"
                    : "Single '}' encountered in format string");
            }
            from = at + match.Length;
            var name = match.Groups["name"].Value;
            var item = name.Length == 0 || char.IsAsciiDigit(name[0]) ? Positional(arguments, name.Length == 0 ? next++ : Index(name))
                : named.Find(name) ?? throw new TemplateException($"KeyError: {Printing.Repr(name)}");
            foreach (Capture part in match.Groups["part"].Captures)
            {
                item = part.ValueSpan[0] == '.' ? Indexing.Attribute(item, part.Value[1..], work)
                    : Indexing.Item(item, Numbers.ParseWhole(part.Value[1..^1]) is { } index ? Numbers.Of(index)
                        : Value.Of(part.Value[1..^1], Origin.Template), work);
            }
            text.Append(Spec(item, match.Groups["conversion"].Value, match.Groups["spec"].Value, work));
            work.Letters(text.Length);
        }
        text.Append(format, from, value.Length);
        return text.ToText();
    }

    private static int Index(string digits) => Numbers.ParseWhole(digits) is { } index && index < 1000 ? (int)index : 1000;

    private static Value Positional(Arguments arguments, int at) => at < arguments.Positional.Count
        ? arguments.Positional[at] : throw new TemplateException($"Replacement index {at} out of range for positional args tuple");

    private static Text Spec(Value item, string conversion, string spec, Work work)
    {
        var match = SpecParts().Match(spec);
        if (!match.Success)
        {
            throw new TemplateException("Invalid format specifier");
        }
        var kind = match.Groups["kind"].Value;
        var isNumber = conversion.Length == 0 && Numbers.IsNumber(item) && (item is not BoolValue || kind.Length > 0);
        var plain = match.Groups["precision"] is var precision && isNumber && (kind is not "" || precision.Success)
            ? Field(item, kind.Length > 0 ? kind : item is FloatValue ? "g" : "d", match.Groups["sign"].Value.Replace("-", "",
                StringComparison.Ordinal), "", precision, work)
            : conversion == "r" ? new(Printing.Repr(item, work), Origin.Data) : Printing.Str(item, work);
        if (match.Groups["comma"].Success && isNumber)
        {
            plain = new(Thousands(plain.Value, match.Groups["comma"].Value), Origin.Data);
        }
        if (!isNumber && precision.Success)
        {
            plain = plain.Part(0, plain.Unit(Math.Min(plain.Length, Size(precision.Value))));
        }
        var missing = Math.Max(0, Size(match.Groups["width"].Value) - plain.Length);
        var align = match.Groups["align"].Success ? match.Groups["align"].Value : match.Groups["zero"].Success ? "=" : isNumber ? ">" : "<";
        Text fill = new(match.Groups["fill"].Success ? match.Groups["fill"].Value : match.Groups["zero"].Success ? "0" : " ",
            Origin.Template);
        var signs = align == "=" && plain.Value is ['-' or '+', ..] ? 1 : 0;
        var left = align switch { "<" => 0, "^" => missing / 2, _ => missing };
        var padded = Splitting.Padded(plain.Part(signs, plain.Value.Length), left, missing - left, fill, work);
        return Operators.Concatenate(plain.Part(0, signs).Plain(), padded.Plain(), work);
    }

    private static Text Field(Value item, string kind, string flags, string width, Group precision, Work work)
    {
        var places = precision.Success ? Size(precision.Value) : -1;
        if (places > 100 && kind is not ("s" or "r" or "a"))
        {
            throw new TemplateException("more than 100 decimal places");
        }
        var text = kind switch
        {
            "s" => Printing.Str(item, work),
            "r" or "a" => new(Printing.Repr(item, work), Origin.Data),
            "c" => item is StringValue { Text.Length: 1 } letter ? letter.Text
                : item is IntValue { Value: var code } && code >= 0 && code < 0xd800 ? new(((char)(int)code).ToString(), Origin.Data)
                    : throw new TemplateException("%c requires int or char"),
            _ when item is UndefinedValue missing => throw missing.Refusal(),
            _ when !Numbers.IsNumber(item) => throw new TemplateException($"%{kind} format: a real number is required, not {item.Type}"),
            _ => new(Number(item, kind, places), Origin.Data),
        };
        if (places >= 0 && kind is "s" or "r" or "a" && places < text.Length)
        {
            text = text.Part(0, text.Unit(places));
        }
        var isNumber = kind is not ("s" or "r" or "a" or "c");
        if (isNumber && !text.Value.StartsWith('-') && flags.AsSpan().IndexOfAny('+', ' ') >= 0)
        {
            text = new((flags.Contains('+') ? "+" : " ") + text.Value, Origin.Data);
        }
        var fill = Math.Max(0, Size(width) - text.Length);
        if (flags.Contains('0') && !flags.Contains('-') && isNumber)
        {
            var signs = text.Value is ['-' or '+' or ' ', ..] ? 1 : 0;
            work.Letters(fill);
            return new(text.Value[..signs] + new string('0', fill) + text.Value[signs..], Origin.Data);
        }
        return Splitting.Padded(text, flags.Contains('-') ? 0 : fill, flags.Contains('-') ? fill : 0, new(" ", Origin.Template), work);
    }

    private static string Number(Value item, string kind, int places)
    {
        var culture = CultureInfo.InvariantCulture;
        if (item is FloatValue { Value: var odd } && !double.IsFinite(odd))
        {
            return Printing.Float(odd);
        }
        var whole = item is FloatValue real ? new BigInteger(real.Value) : Numbers.Whole(item);
        return kind switch
        {
            "d" or "i" or "u" => whole.ToString(culture),
            "x" or "X" => Sign(whole) + BigInteger.Abs(whole).ToString(kind, culture).TrimStart('0').PadLeft(1, '0'),
            "b" => Sign(whole) + BigInteger.Abs(whole).ToString("B", culture).TrimStart('0').PadLeft(1, '0'),
            "f" or "F" => Numbers.Real(item).ToString("F" + (places < 0 ? 6 : places).ToString(culture), culture),
            "%" => (Numbers.Real(item) * 100).ToString("F" + (places < 0 ? 6 : places).ToString(culture), culture) + "%",
            "e" or "E" => Exponent(Numbers.Real(item).ToString((kind == "e" ? "e" : "E") + (places < 0 ? 6 : places).ToString(culture),
                culture)),
            "g" or "G" => General(Numbers.Real(item), places < 0 ? 6 : Math.Max(places, 1)),
            _ => throw new TemplateException($"unsupported format character '{kind}'"),
        };
    }

    private static string Sign(BigInteger value) => value < 0 ? "-" : "";

    /// <summary>Two digits of the exponent where they are enough.</summary>
    private static string Exponent(string text)
    {
        var digits = text.IndexOfAny(['e', 'E']) + 2;
        return text[..digits] + text[digits..].TrimStart('0').PadLeft(2, '0');
    }

    private static string General(double value, int digits)
    {
        var scientific = value.ToString("e" + (digits - 1).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        var exponent = int.Parse(scientific.AsSpan(scientific.IndexOf('e') + 1), NumberStyles.AllowLeadingSign,
            CultureInfo.InvariantCulture);
        static string Bare(string text) => text.Contains('.') ? text.TrimEnd('0').TrimEnd('.') : text;
        return exponent < -4 || exponent >= digits ? Bare(scientific[..scientific.IndexOf('e')])
            + Exponent(scientific[scientific.IndexOf('e')..])
            : Bare(value.ToString("F" + (digits - 1 - exponent).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture));
    }

    private static string Thousands(string number, string comma)
    {
        var start = number.StartsWith('-') ? 1 : 0;
        var end = number.IndexOf('.') is var dot and >= 0 ? dot : number.Length;
        for (var at = end - 3; at > start; at -= 3)
        {
            number = number.Insert(at, comma);
        }
        return number;
    }

    /// <summary>A width or precision, which may be written as if it were huge.</summary>
    private static int Size(string digits) => digits.Length == 0 ? 0 : digits.Length > 9 ? int.MaxValue : int.Parse(digits,
        CultureInfo.InvariantCulture);

    [GeneratedRegex(@"%(\((?<key>[^)]*)\))?(?<flags>[-+ 0#]*)(?<width>[0-9]*)(\.(?<precision>[0-9]*))?[hlL]?(?<kind>[a-zA-Z%])",
        RegexOptions.NonBacktracking)]
    private static partial Regex Conversion();

    [GeneratedRegex(@"\{(?<name>[^{}.\[!:]*)(?<part>\.[^{}.\[!:]+|\[[^{}\]]+\])*(!(?<conversion>[rsa]))?(:(?<spec>[^{}]*))?\}",
        RegexOptions.NonBacktracking)]
    private static partial Regex Replacement();

    [GeneratedRegex(@"^((?<fill>.)?(?<align>[<>=^]))?(?<sign>[-+ ])?(?<zero>0)?(?<width>[0-9]*)(?<comma>[,_])?(\.(?<precision>[0-9]"
        + @"+))?(?<kind>[a-zA-Z%])?$",
        RegexOptions.Singleline)]
    private static partial Regex SpecParts();
}
