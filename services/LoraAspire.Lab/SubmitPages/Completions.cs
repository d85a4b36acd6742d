using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.Lab.Languages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Lab.SubmitPages;

/// <param name="Insert">What is written; <paramref name="Label"/> and <paramref name="Detail"/> are shown.</param>
public sealed record Completion(string Label, string Insert, string Detail);

/// <summary>
/// What may stand at a place of a pipeline that is being written, and seldom is YAML yet: so lines are looked at, not nodes.
/// </summary>
/// <param name="models">Names of the models that there are.</param>
public sealed partial class Completions(IReadOnlyList<string> models)
{
    private static (string Key, string Detail)[] TopKeys =>
        [("name", Words.Of("of the pipeline")), ("stages", Words.Of("what is to be done"))];

    private static (string Key, string Detail)[] StageKeys =>
    [
        ("id", Words.Of("a name, by which others take its outputs")), ("uses", Words.Of("the kind of stage")),
        ("inputs", Words.Of("where its inputs come from")), ("with", Words.Of("its parameters")),
        ("retries", Words.Of("attempts after the first, 0 to 100")), ("timeout", "90s, 30m, 6h, 2d"),
        ("needs", "{ gpu_memory: 40GiB }"),
    ];

    /// <param name="line">From 1.</param>
    /// <param name="column">From 1: what is left of it is written already.</param>
    public IReadOnlyList<Completion> At(string text, int line, int column)
    {
        var lines = text.ReplaceLineEndings("\n").Split('\n');
        if (line < 1 || line > lines.Length || column < 1 || column > lines[line - 1].Length + 1)
        {
            return [];
        }
        var written = lines[line - 1][..(column - 1)];
        if (StageText.Around(lines, line - 1) is not { } stage
            || (Indent(written) == 0 && !written.Contains('-', StringComparison.Ordinal)))
        {
            return written.Contains(':', StringComparison.Ordinal) ? [] : Keys(TopKeys, lines);
        }
        var place = stage.Place(line - 1, written);
        return (place.Keys, place.Token.Split(':', 2, StringSplitOptions.TrimEntries)) switch
        {
            ([], ["uses", _]) => [.. StageKinds.All.Select(kind => new Completion(kind.Name, kind.Name, kind.Title))],
            ([], [_]) => Keys(StageKeys, stage.Lines),
            (["with"], [_]) => [.. Parameters(stage.Kind?.Params).Where(one => !stage.Has(one.Label))],
            (["with", .. var above], [_]) =>
                [.. Parameters(TypeAt(stage.Kind?.Params, above)).Where(one => !place.Beside.Contains(one.Label))],
            (["with", .. var above], [var key, _]) => [.. Values(Property(TypeAt(stage.Kind?.Params, above), key)?.PropertyType)
                .Select(word => new Completion(word, word, key))],
            (["inputs"], [_]) => [.. (stage.Kind?.Inputs ?? []).Where(port => !stage.Has(port.Name))
                .Select(port => new Completion(port.Name, $"{port.Name}: ",
                    port.TakenWords() + (port.Required ? "" : Words.Of(", may be left out"))))],
            (["inputs"], [var name, _]) when stage.Kind?.Input(name) is { } port => Sources(port, lines, stage),
            _ => [],
        };
    }

    private static IReadOnlyList<Completion> Keys((string Key, string Detail)[] keys, IReadOnlyList<string> lines) =>
    [
        .. keys.Where(one => !lines.Any(line => KeyOfLine(line) == one.Key))
            .Select(one => new Completion(one.Key, $"{one.Key}: ", one.Detail)),
    ];

    /// <summary>Models, and what other stages give, of the kinds that the input takes.</summary>
    private IReadOnlyList<Completion> Sources(Port port, string[] lines, StageText stage) =>
    [
        .. StageText.All(lines).Where(other => other.Id is not null && other.Id != stage.Id)
            .SelectMany(other => (other.Kind?.Outputs ?? []).Where(output => port.Takes(output.Artifact))
                .Select(output => $"{other.Id}.{output.Name}"))
            .Select(source => new Completion(source, source, Words.Of("of another stage"))),
        .. port.Takes(ArtifactKind.Model)
            ? models.Select(name => new Completion($"model:{name}", $"model:{name}", Words.Of("of the models folder"))) : [],
    ];

    /// <summary>What a mapping of this record may have.</summary>
    private static IEnumerable<Completion> Parameters(Type? type) => type == typeof(DataSource)
        ? SourceKinds.All.Select(kind => new Completion(kind.Key, $"{kind.Key}: ", Brief(kind.Value)))
        : Properties(type).Select(one => new Completion(KeyOf(one), $"{KeyOf(one)}: ", About(one, type!)));

    private static string Brief(Type kind)
    {
        const int Most = 80;
        var words = SourceKinds.Described(kind).Replace("`", "", StringComparison.Ordinal);
        return words.Length <= Most ? words : words[..Most].TrimEnd(' ', ',', '(') + "…";
    }

    /// <summary>The record that a mapping below these keys is read as; null where it is none of ours.</summary>
    private static Type? TypeAt(Type? type, IEnumerable<string> keys) =>
        keys.Aggregate(type, (at, key) => at == typeof(DataSource) ? SourceKinds.All.GetValueOrDefault(key)
            : Property(at, key)?.PropertyType is not { } own ? null
            : own is { IsGenericType: true } list && list.GetGenericTypeDefinition() == typeof(IReadOnlyList<>)
            ? list.GetGenericArguments()[0] : own);

    private static PropertyInfo? Property(Type? type, string key) => Properties(type).FirstOrDefault(one => KeyOf(one) == key);

    private static IEnumerable<PropertyInfo> Properties(Type? type) =>
        type?.Assembly != typeof(StageKind).Assembly || type == typeof(DataSource) ? []
            : type.GetProperties().Where(property => property.CanWrite);

    internal static string KeyOf(PropertyInfo property) => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);

    private static string About(PropertyInfo property, Type type)
    {
        var words = Values(property.PropertyType).ToList() is { Count: > 0 } values ? string.Join(" | ", values)
            : Type(property.PropertyType);
        var usual = property.GetValue(Activator.CreateInstance(type));
        return usual is null or System.Collections.IEnumerable and not string ? words
            : Words.Of("{0}, usually {1}", words, usual is Enum or bool ? Word(usual) : usual);
    }

    private static string Type(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        var number when number == typeof(int) || number == typeof(long) => Words.Of("a whole number"),
        var number when number == typeof(double) => Words.Of("a number"),
        var text when text == typeof(string) => Words.Of("a text"),
        { IsGenericType: true } many when many.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) => Words.Of("a list"),
        _ => Words.Of("keys with values"),
    };

    private static IEnumerable<string> Values(Type? type) => type is null ? []
        : (Nullable.GetUnderlyingType(type) ?? type) switch
        {
            { IsEnum: true } words => Enum.GetValues(words).Cast<object>().Select(Word),
            var yes when yes == typeof(bool) => ["true", "false"],
            _ => [],
        };

    private static string Word(object value) => value is bool yes ? yes ? "true" : "false"
        : JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString()!);

    internal static int Indent(string line) => line.Length - line.TrimStart(' ').Length;

    internal static string? KeyOfLine(string line) => KeyPattern().Match(line) is { Success: true } match ? match.Groups[1].Value : null;

    [GeneratedRegex(@"^\s*(?:-\s+)?([A-Za-z_0-9.]+)\s*:(?:\s|$)")]
    private static partial Regex KeyPattern();
}
