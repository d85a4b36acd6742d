namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Where letters come from.</summary>
[Flags]
public enum Origin : byte
{
    /// <summary>The template wrote them (or the tokenizer's configuration: bos_token).</summary>
    Template = 0,

    /// <summary>They stand in a message, a tool, a document or an option, or went through an operation that can't tell.</summary>
    Data = 1,

    /// <summary>They stand between generation and endgeneration.</summary>
    Learned = 2,
}

/// <param name="End">Index after the last UTF-16 unit.</param>
internal readonly record struct Run(int End, Origin Origin);

/// <summary>
/// Python's str, which counts code points, with the origin of each letter. Immutable. A half of a surrogate pair alone counts as one
/// letter.
/// </summary>
internal sealed class Text
{
    public static readonly Text Empty = new("", []);

    private readonly Run[] _runs;
    private readonly bool _hasPairs;
    private int[]? _starts;

    public Text(string value, Origin origin) : this(value, value.Length == 0 ? [] : [new Run(value.Length, origin)])
    {
    }

    public Text(string value, Run[] runs)
    {
        (Value, _runs) = (value, runs);
        _hasPairs = value.AsSpan().IndexOfAnyInRange('\ud800', '\udbff') >= 0;
    }

    public string Value { get; }

    public ReadOnlySpan<Run> Runs => _runs;

    /// <summary>Python's Markup: text that escape has been through.</summary>
    public bool Markup { get; init; }

    /// <summary>In code points.</summary>
    public int Length => _hasPairs ? Starts.Length - 1 : Value.Length;

    public bool IsEmpty => Value.Length == 0;

    /// <summary>The UTF-16 index of a code point, which may be the one after the last.</summary>
    public int Unit(int codePoint) => _hasPairs ? Starts[codePoint] : codePoint;

    /// <summary>The code point at or before a UTF-16 index.</summary>
    public int CodePoint(int unit)
    {
        if (!_hasPairs)
        {
            return unit;
        }
        var found = Array.BinarySearch(Starts, unit);
        return found >= 0 ? found : ~found - 1;
    }

    /// <summary>A part, in UTF-16 units; whole code points.</summary>
    public Text Part(int start, int end)
    {
        if (start == 0 && end == Value.Length)
        {
            return this;
        }
        if (start >= end)
        {
            return Empty;
        }
        TextBuilder part = new();
        part.Append(this, start, end);
        return part.ToText(Markup);
    }

    public Text At(int codePoint) => Part(Unit(codePoint), Unit(codePoint + 1));

    public Text AsMarkup() => Markup ? this : new(Value, _runs) { Markup = true };

    public Text Plain() => Markup ? new(Value, _runs) : this;

    /// <summary>The same letters, each with one more property.</summary>
    public Text With(Origin origin) => new(Value, Array.ConvertAll(_runs, run =>
        run with { Origin = run.Origin | origin }))
    { Markup = Markup };

    /// <summary>Each code point, with its origin.</summary>
    public IEnumerable<(int Start, int Length, Origin Origin)> CodePoints()
    {
        for (int at = 0, run = 0; at < Value.Length;)
        {
            while (_runs[run].End <= at)
            {
                run++;
            }
            var length = char.IsSurrogatePair(Value, at) ? 2 : 1;
            yield return (at, length, _runs[run].Origin);
            at += length;
        }
    }

    /// <summary>A pair's halves go with it: half of one that stands alone in the text is taken too.</summary>
    public Text Strip(string? letters, bool start = true, bool end = true)
    {
        HashSet<int> codes = [];
        for (var at = 0; at < letters?.Length; at++)
        {
            codes.Add(letters[at]);
            codes.Add(Code(letters, at));
        }
        bool Goes(int at) => letters is null ? IsSpace(Value[at]) : codes.Contains(Code(Value, at));
        var (from, to) = (0, Length);
        while (start && from < to && Goes(Unit(from)))
        {
            from++;
        }
        while (end && to > from && Goes(Unit(to - 1)))
        {
            to--;
        }
        return Part(Unit(from), Unit(to));
    }

    /// <summary>What Python's str.isspace says: Unicode's white space and four separators of ASCII.</summary>
    public static bool IsSpace(char letter) => char.IsWhiteSpace(letter) || letter is >= '\x1c' and <= '\x1f';

    /// <summary>The code point that begins at a UTF-16 index, or half of a pair.</summary>
    public static int Code(string value, int at) => char.IsSurrogatePair(value, at) ? char.ConvertToUtf32(value, at) : value[at];

    public override string ToString() => Value;

    /// <summary>The UTF-16 index of each code point, and of the end.</summary>
    private int[] Starts => _starts ??= FindStarts(Value);

    private static int[] FindStarts(string value)
    {
        List<int> starts = new(value.Length + 1);
        for (var at = 0; at < value.Length; at++)
        {
            starts.Add(at);
            at += char.IsSurrogatePair(value, at) ? 1 : 0;
        }
        starts.Add(value.Length);
        return [.. starts];
    }
}
