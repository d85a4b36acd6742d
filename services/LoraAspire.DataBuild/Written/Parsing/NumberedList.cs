using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>The items of a list however a chat model writes it: JSON (<see cref="ListJson"/>), or lines with a marker, in quotes, in a table, or with no mark at all.</summary>
internal static partial class NumberedList
{
    /// <param name="cutOff">The model had to stop in the middle: the last item isn't whole.</param>
    /// <param name="whole">
    /// Whether a text holds all that an item must. Then an item that lacks something goes on in the next line, and a line without any mark is an item when it is whole; without
    /// the rule, every text with a mark is an item.
    /// </param>
    public static ReadAnswer<string> Read(string answer, bool cutOff = false, Func<string, bool>? whole = null)
    {
        var isWhole = whole ?? (text => text.Length > 0);
        if (ListJson.Read(answer, isWhole) is { } json)
        {
            return new([.. json.Items.Select(text => ItemText.Clean(text, isWhole))], json.Dropped);
        }
        List<string> items = [];
        List<string> plain = [];
        string? open = null;
        var prose = 0;
        foreach (var line in ListLines.Of(answer, isWhole))
        {
            if (ListLines.Cells(line, isWhole) is { } cells)
            {
                Close();
                items.AddRange(cells);
            }
            else if (ListMarker.Rest(line, items.Count + (open is null ? 1 : 2)) is { } rest)
            {
                Close();
                open = rest;
            }
            else if (open is not null && !isWhole(open) && Continued(open, line, isWhole) is { } joined)
            {
                open = joined;
            }
            else if (ListLines.Texts(line, isWhole) is { } texts)
            {
                Close();
                items.AddRange(texts);
            }
            else if (whole is not null && whole(line) && !Remark().IsMatch(line))
            {
                plain.Add(line);
            }
            else
            {
                prose++;
            }
        }
        Close();
        if (whole is not null && !items.Any(whole))
        {
            (items, plain) = ([.. items, .. plain], []);
        }
        items = [.. items.Select(text => ItemText.Clean(text, isWhole)).Where(text => text.Length > 0)];
        List<string> dropped = [.. Enumerable.Repeat(ReadAnswer<string>.Prose, prose + plain.Count)];
        if (cutOff && items.Count > 0)
        {
            items.RemoveAt(items.Count - 1);
            dropped.Add(ReadAnswer<string>.CutOff);
        }
        return new(items, dropped);

        void Close()
        {
            items.AddRange(open is { Length: > 0 } ? [open] : []);
            open = null;
        }
    }

    /// <summary>An item that isn't whole yet, with the line after it; null when that doesn't make it so. A title ("Formal") is no part of the item beneath it.</summary>
    private static string? Continued(string open, string line, Func<string, bool> whole)
    {
        if (open.Length == 0 || (whole(line) && !open.Contains('[') && !char.IsAsciiLetterLower(line[0]) && line[0] != '['))
        {
            return Remark().IsMatch(line) ? null : line;
        }
        var joined = open[^1] < '\u2E80' ? $"{open} {line}" : open + line;
        return whole(joined) && !Remark().IsMatch(line) ? joined : null;
    }

    /// <summary>What a model says about its list, which may name the placeholders as well.</summary>
    [GeneratedRegex(@"^\W*(?:Sure|Certainly|Of course|Absolutely|Here (?:are|is)|Here['’]s|Below|Note|These|I (?:hope|have|made)|I['’]ve|Let me|(?:Each|All|Every) (?:of |the |these )*(?:templates?|items?|of|the|these)|Remember)\b|^\W*(?:以下|好的|当然|这里|下面|注意|请注意|希望|说明)", RegexOptions.IgnoreCase)]
    private static partial Regex Remark();
}
