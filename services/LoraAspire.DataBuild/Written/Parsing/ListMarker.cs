using System.Globalization;
using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>What stands before an item of a list: a number in any of the ways in which people number, a letter, a bullet.</summary>
internal static partial class ListMarker
{
    /// <summary>
    /// The line behind its marker, or null when it has none. Bold may begin before the number: <c>**1. Text**</c>, <c>**1.** Text</c>.
    /// </summary>
    /// <param name="next">The number that the next item has, which then needs no mark behind it.</param>
    public static string? Rest(string line, int next)
    {
        if (Form().Match(line) is not { Success: true } marker)
        {
            var number = $"{next} ";
            return line.StartsWith(number, StringComparison.Ordinal) ? line[number.Length..].TrimStart() : null;
        }
        var rest = line[marker.Length..].Trim();
        return !marker.Value.Contains("**", StringComparison.Ordinal) ? rest
            : rest.StartsWith("**", StringComparison.Ordinal) ? rest[2..].Trim()
            : rest.EndsWith("**", StringComparison.Ordinal) ? rest[..^2].Trim() : rest;
    }

    /// <summary>Items that stand in one line, 1. … 2. …, apart.</summary>
    public static IEnumerable<string> Apart(string line, Func<string, bool> whole)
    {
        for (var number = Numbered().Match(line) is { Success: true } first ? Number(first) + 1 : 0; number > 0; number++)
        {
            var next = Inner().Matches(line).FirstOrDefault(match => Number(match) == number);
            if (next is null || !whole(line[..next.Index]) || !whole(line[next.Index..]))
            {
                break;
            }
            yield return line[..next.Index].TrimEnd(' ', ';', '；', ',', '，');
            line = line[next.Index..].TrimStart();
        }
        yield return line;
    }

    private static int Number(Match match) => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);

    private const string Chinese = "[一二三四五六七八九十百]{1,4}";

    [GeneratedRegex($$"""
        ^(?:[>#]\s*)*(?:\*\*|__)?(?:
            (?: (?:Template|Option|Variant|Variation|Version|Item|Example|Prompt|No\.?|Nr\.?|模板|示例|例子|例|选项|模版)\s*[#＃]?\s*
                (?:\d{1,4}|{{Chinese}})(?!\d)\s*[.)）:：、–—-]*
              | 第\s*(?:\d{1,4}|{{Chinese}})\s*[条个则种句]?\s*[:：、.，,]?
              | \d{1,4}\s*\\?[.)、．：:）\]}>°|](?!\d)\)?
              | \d{1,4}\s+[-–—](?=\s) | \d{1,4}[–—](?=\s) | \d{1,4}\s*,(?=\s*["“])
              | [#＃]\s?\d{1,4}(?=\s)
              | [（(\[{【]\s*(?:\d{1,4}|{{Chinese}}|[A-Za-z])\s*[）)\]}】]
              | [①-⑳⑴-⒇⒈-⒛❶-❿➀-➓]
              | \d{1,2}\uFE0F?\u20E3
              | {{Chinese}}[、．.：:]
              | (?:[ivxIVX]{1,5}|[A-Za-z])[.)、]{1,2}(?=\s)
            )[.、:：]?~?
          | (?: [-+*–—]\s+ | [•·●○◦▪■□►▸▶➤→・‣⁃✓✔★☆◆◇]\s* )(?:\[[ xX]?\]\s+)?(?:\*{0,2}\d{1,3}[.)、]\*{0,2}\s)?
        )\s*
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Form();

    [GeneratedRegex(@"^\W{0,4}([0-9]{1,4})\s*[.)、．）]")]
    private static partial Regex Numbered();

    [GeneratedRegex(@"(?<=[\s;；,，。.])([0-9]{1,4})[.)、．）](?!\d)")]
    private static partial Regex Inner();
}
