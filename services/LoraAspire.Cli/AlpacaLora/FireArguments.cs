using System.Text.Json;
using System.Text.RegularExpressions;

namespace LoraAspire.Cli.AlpacaLora;

/// <summary>
/// Flags as python-fire takes them: <c>--name value</c>, <c>--name=value</c>, <c>--name</c> for True, <c>--noname</c> for False; dashes in
/// a name are underscores. Values are Python's, and become YAML's.
/// </summary>
internal static partial class FireArguments
{
    /// <returns>Name and value as YAML, in their order; of a flag that is given twice the last. None is left out.</returns>
    /// <exception cref="CliException">A word is no flag, or is unknown; all of them are told.</exception>
    public static IReadOnlyDictionary<string, string> Read(IReadOnlyList<string> words, IReadOnlyCollection<string> known)
    {
        Dictionary<string, string> flags = [];
        List<string> problems = [];
        for (var at = 0; at < words.Count; at++)
        {
            if (FlagForm().Match(words[at]) is not { Success: true } match)
            {
                problems.Add($"'{words[at]}' is no flag: write --name value.");
                continue;
            }
            var name = match.Groups["name"].Value.Replace('-', '_');
            var value = match.Groups["value"] is { Success: true } given ? given.Value
                : at + 1 < words.Count && !FlagForm().IsMatch(words[at + 1]) ? words[++at] : null;
            if (!known.Contains(name) && value is null && name.StartsWith("no", StringComparison.Ordinal) && known.Contains(name[2..]))
            {
                (name, value) = (name[2..], "False");
            }
            if (!known.Contains(name))
            {
                problems.Add($"unknown flag --{name}: {Pipelines.Yaml.Suggestion.For(name, known)}");
                continue;
            }
            flags.Remove(name);
            if (ToYaml(value ?? "True") is { } yaml)
            {
                flags[name] = yaml;
            }
        }
        return problems.Count == 0 ? flags : throw new CliException(string.Join('\n', problems), ExitCode.Usage);
    }

    /// <summary>Null of None. A list or a dict of scalars becomes a flow of YAML; anything else is one scalar, whatever it holds.</summary>
    internal static string? ToYaml(string python) => python.Trim() switch
    {
        "None" or "null" => null,
        ['[' or '(', .. var items, ']' or ')'] => $"[{string.Join(", ", Items(items).Select(Scalar))}]",
        ['{', .. var items, '}'] => $"{{ {string.Join(", ", Items(items).Select(Pair))} }}",
        var text => Scalar(text),
    };

    /// <summary>The text that a value of <see cref="Read"/> stands for.</summary>
    public static string Text(string yaml) => yaml is ['"', .., '"'] ? JsonSerializer.Deserialize<string>(yaml)! : yaml;

    private static IEnumerable<string> Items(string list) =>
        list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static string Pair(string item) => item.LastIndexOf(':') is >= 0 and var colon
        ? $"{Scalar(item[..colon].Trim())}: {Scalar(item[(colon + 1)..].Trim())}" : Scalar(item);

    private static string Scalar(string text) => text switch
    {
        "True" => "true",
        "False" => "false",
        ['\'', .. var inner, '\''] => Plain(inner),
        ['"', .. var inner, '"'] => Plain(inner),
        _ => Plain(text),
    };

    private static string Plain(string text) => PlainForm().IsMatch(text) ? text : JsonSerializer.Serialize(text);

    [GeneratedRegex(@"^--?(?<name>[A-Za-z][A-Za-z0-9_-]*)(=(?<value>.*))?\z", RegexOptions.Singleline)]
    private static partial Regex FlagForm();

    [GeneratedRegex(@"^[A-Za-z0-9.+-][A-Za-z0-9_./+-]*\z")]
    private static partial Regex PlainForm();
}
