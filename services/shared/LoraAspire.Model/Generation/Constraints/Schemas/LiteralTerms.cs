using System.Text;
using System.Text.Json;
using LoraAspire.Model.Generation.Constraints.Patterns;
using LoraAspire.Model.Generation.Constraints.Terms;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>Values that are given: those of enum and const, and names.</summary>
internal static class LiteralTerms
{
    /// <summary>One of many texts; what they begin with alike stands once.</summary>
    public static Term Any(TermTable table, IEnumerable<byte[]> texts)
    {
        byte[][] sorted = [.. texts];
        Array.Sort(sorted, (a, b) => a.AsSpan().SequenceCompareTo(b));
        return Any(table, sorted, 0);
    }

    private static Term Any(TermTable table, ReadOnlySpan<byte[]> sorted, int from)
    {
        if (sorted.IsEmpty)
        {
            return table.Never;
        }
        TermTable.EnsureStack();
        // Of sorted texts the first and the last have in common what all have.
        var common = sorted[0].AsSpan(from).CommonPrefixLength(sorted[^1].AsSpan(from));
        var at = from + common;
        List<Term> ways = [];
        for (var start = 0; start < sorted.Length;)
        {
            if (sorted[start].Length == at)
            {
                ways.Add(table.Empty);
                start++;
                continue;
            }
            var end = start + 1;
            while (end < sorted.Length && sorted[end][at] == sorted[start][at])
            {
                end++;
            }
            ways.Add(Any(table, sorted[start..end], at));
            start = end;
        }
        return table.Then(table.Text(sorted[0].AsSpan(from, common)), table.Either(ways));
    }

    /// <summary>One of many values; in objects and arrays a space may follow a comma and a colon.</summary>
    public static Term Any(TermTable table, IEnumerable<JsonElement> values)
    {
        var isContainer = values.ToLookup(value => value.ValueKind is JsonValueKind.Object or JsonValueKind.Array);
        return table.Either(isContainer[true].Select(value => Of(table, value)).Append(Any(table, isContainer[false].Select(Scalar))));
    }

    private static byte[] Scalar(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? JsonText.Quoted(value.GetString()!) : Encoding.UTF8.GetBytes(value.GetRawText());

    private static Term Of(TermTable table, JsonElement value)
    {
        TermTable.EnsureStack();
        var isObject = value.ValueKind == JsonValueKind.Object;
        if (!isObject && value.ValueKind != JsonValueKind.Array)
        {
            return table.Text(Scalar(value));
        }
        var members = isObject
            ? value.EnumerateObject().Select(member => table.Sequence(table.Text(JsonText.Quoted(member.Name)),
                Punctuation(table, ':'), Of(table, member.Value)))
            : value.EnumerateArray().Select(item => Of(table, item));
        List<Term> terms = [table.Byte(isObject ? '{' : '[')];
        foreach (var member in members)
        {
            terms.AddRange(terms.Count > 1 ? [Punctuation(table, ','), member] : [member]);
        }
        return table.Sequence([.. terms, table.Byte(isObject ? '}' : ']')]);
    }

    /// <summary>A comma or a colon, with one space after it or none.</summary>
    public static Term Punctuation(TermTable table, char mark) => table.Then(table.Byte(mark), table.Optional(table.Byte(' ')));
}
