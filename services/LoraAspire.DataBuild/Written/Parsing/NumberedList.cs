using System.Text.Json;
using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// The items of a list as chat models write them: <c>1.</c> <c>1)</c> <c>1、</c> <c>（1）</c> <c>①</c>, bullets, bold, quotes around an item, the text on the line after
/// its number; or a JSON array of texts, or one quoted text a line.
/// </summary>
internal static partial class NumberedList
{
    /// <param name="cutOff">The model had to stop in the middle: the last item isn't whole.</param>
    public static ReadAnswer<string> Read(string answer, bool cutOff = false)
    {
        List<string> items = [];
        List<string> dropped = [];
        var openMarker = false;
        foreach (var line in answer.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && !line.StartsWith("```", StringComparison.Ordinal)))
        {
            if (Marker().Match(line) is { Success: true } marker)
            {
                var rest = Rest(line, marker.Length);
                openMarker = rest.Length == 0;
                Add(rest);
            }
            else if (openMarker)
            {
                openMarker = false;
                Add(line);
            }
            else if (QuotedLine().IsMatch(line))
            {
                Add(line.TrimEnd(',', '，'));
            }
            else if (Array(line) is { } texts)
            {
                items.AddRange(texts);
            }
            else if (line is not ("[" or "]" or "],"))
            {
                dropped.Add(ReadAnswer<string>.Prose);
            }
        }
        if (cutOff && items.Count > 0)
        {
            items.RemoveAt(items.Count - 1);
            dropped.Add(ReadAnswer<string>.CutOff);
        }
        return new(items, dropped);

        void Add(string text)
        {
            if (Quotes.Strip(Markdown().Replace(text, "$1")) is { Length: > 0 } item)
            {
                items.Add(item);
            }
        }
    }

    /// <summary>What stands after the marker. Bold may begin before the number: <c>**1. Text**</c>, <c>**1.** Text</c>.</summary>
    private static string Rest(string line, int markerLength)
    {
        var rest = line[markerLength..].Trim();
        if (!line[..markerLength].Contains("**", StringComparison.Ordinal))
        {
            return rest;
        }
        return rest.StartsWith("**", StringComparison.Ordinal) ? rest[2..].Trim() : rest.EndsWith("**", StringComparison.Ordinal) ? rest[..^2].Trim() : rest;
    }

    private static string[]? Array(string line)
    {
        if (!line.StartsWith('[') || !line.TrimEnd(',').EndsWith(']'))
        {
            return null;
        }
        try
        {
            using var array = JsonDocument.Parse(line.TrimEnd(','), new() { AllowTrailingCommas = true });
            return [.. array.RootElement.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!.Trim())];
        }
        catch (JsonException)
        {
            // A line that begins with a placeholder, not with an array.
            return null;
        }
    }

    [GeneratedRegex(@"^(?:[>#]\s*)*(?:\*\*|__)?(?:(?:\d{1,3}\s*[.)、．：:）](?!\d)|[（(]\s*\d{1,3}\s*[）)]|[①-⑳])[.、:：]?|[-*•·–—]\s+(?:\d{1,3}[.)、]\s)?)\s*")]
    private static partial Regex Marker();

    /// <summary>Bold, and brackets that are escaped so that they are no link.</summary>
    [GeneratedRegex(@"\*\*|\\([\[\]_])")]
    private static partial Regex Markdown();

    [GeneratedRegex("^(\".+\"|“.+”|「.+」|『.+』)[,，]?$")]
    private static partial Regex QuotedLine();
}
