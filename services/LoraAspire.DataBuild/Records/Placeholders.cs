using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Records;

/// <summary>
/// <c>{{name}}</c> in records that others wrote to be filled in. <c>{{Name}}</c>, which begins a sentence, takes the same value with a
/// capital.
/// </summary>
internal static partial class Placeholders
{
    /// <summary>The first placeholder that stands in any text of the record, or null.</summary>
    public static string? FirstIn(InstructionRecord record) =>
        Texts(record).Where(text => text.Contains("{{", StringComparison.Ordinal)).Select(text => Form().Match(text))
            .FirstOrDefault(match => match.Success)?.Value;

    /// <summary>The record with its placeholders replaced, in one pass: a value is never looked at again. Unknown ones stay.</summary>
    public static InstructionRecord Fill(InstructionRecord record, IReadOnlyDictionary<string, string> values)
    {
        string Filled(string text) => Form().Replace(text, match => Value(match.Groups[1].Value, values) ?? match.Value);
        return record with
        {
            Instruction = Filled(record.Instruction),
            Input = Filled(record.Input),
            Output = Filled(record.Output),
            System = record.System is { } system ? Filled(system) : null,
            History = [.. record.History
                .Select(turn => turn with { Question = Filled(turn.Question), Answer = Filled(turn.Answer ?? "") })],
        };
    }

    private static string? Value(string name, IReadOnlyDictionary<string, string> values) =>
        values.TryGetValue(name, out var value) ? value
        : char.IsUpper(name[0]) && values.GetValueOrDefault(char.ToLowerInvariant(name[0]) + name[1..]) is { Length: > 0 } begins
            ? Capital(begins) : null;

    /// <summary>With a capital, which a placeholder has within its braces.</summary>
    public static string Capital(string text)
    {
        var at = text.Length > 2 && text.StartsWith("{{", StringComparison.Ordinal) ? 2 : 0;
        return text[..at] + char.ToUpperInvariant(text[at]) + text[(at + 1)..];
    }

    private static IEnumerable<string> Texts(InstructionRecord record) =>
        [record.Instruction, record.Input, record.Output, record.System ?? "",
            .. record.History.SelectMany(turn => new[] { turn.Question, turn.Answer ?? "" })];

    [GeneratedRegex(@"\{\{\s*(\w+)\s*\}\}")]
    private static partial Regex Form();
}
