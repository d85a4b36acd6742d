using System.Text;
using LoraAspire.Model.Generation.Constraints.Terms;

namespace LoraAspire.Model.Generation.Constraints.Patterns;

/// <summary>A set of Unicode scalar values (no surrogates), as ranges in order.</summary>
internal sealed class CodePoints
{
    private const int Last = 0x10FFFF, FirstSurrogate = 0xD800, LastSurrogate = 0xDFFF;

    private CodePoints(IEnumerable<(int First, int Last)> ranges)
    {
        List<(int First, int Last)> merged = [];
        foreach (var (first, last) in ranges.SelectMany(WithoutSurrogates).Order())
        {
            if (merged.Count > 0 && first <= merged[^1].Last + 1)
            {
                merged[^1] = (merged[^1].First, Math.Max(last, merged[^1].Last));
            }
            else
            {
                merged.Add((first, last));
            }
        }
        Ranges = merged;
    }

    public IReadOnlyList<(int First, int Last)> Ranges { get; }

    public static CodePoints All { get; } = new([(0, Last)]);

    public static CodePoints Of(params (int First, int Last)[] ranges) => new(ranges);

    public static CodePoints Of(int value) => new([(value, value)]);

    public CodePoints Or(CodePoints other) => new(Ranges.Concat(other.Ranges));

    public CodePoints Not()
    {
        List<(int, int)> rest = [];
        var from = 0;
        foreach (var (first, last) in Ranges)
        {
            if (first > from)
            {
                rest.Add((from, first - 1));
            }
            from = last + 1;
        }
        return new(from > Last ? rest : rest.Append((from, Last)));
    }

    /// <summary>One of them as it stands in a JSON string, in one spelling: plain UTF-8, or the escape where JSON asks for one.</summary>
    public Term ToJson(TermTable table)
    {
        List<Term> ways = [];
        foreach (var (first, last) in Ranges)
        {
            for (var value = first; value <= Math.Min(last, '\\'); value++)
            {
                if (JsonText.Escape(value) is { } escape)
                {
                    ways.Add(table.Text(Encoding.ASCII.GetBytes(escape)));
                }
            }
            foreach (var (from, to) in Plain(first, last))
            {
                ways.AddRange(Utf8Ranges.Of(from, to).Select(bytes =>
                    table.Sequence([.. bytes.Select(range => table.Bytes(ByteSet.Range(range.First, range.Last)))])));
            }
        }
        return table.Either(ways);
    }

    /// <summary>Without what JSON escapes.</summary>
    private static IEnumerable<(int, int)> Plain(int first, int last)
    {
        (int First, int Last)[] plain = [(' ', '"' - 1), ('"' + 1, '\\' - 1), ('\\' + 1, Last)];
        return plain.Select(range => (First: Math.Max(first, range.First), Last: Math.Min(last, range.Last)))
            .Where(range => range.First <= range.Last);
    }

    private static IEnumerable<(int, int)> WithoutSurrogates((int First, int Last) range)
    {
        if (range.First < FirstSurrogate)
        {
            yield return (range.First, Math.Min(range.Last, FirstSurrogate - 1));
        }
        if (range.Last > LastSurrogate)
        {
            yield return (Math.Max(range.First, LastSurrogate + 1), range.Last);
        }
    }
}
