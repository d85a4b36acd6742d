using System.Text.RegularExpressions;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written;

/// <summary>Which placeholders a written template must hold (those that every given one holds) and which it may hold; each once.</summary>
internal sealed partial record TemplatePlaceholders(IReadOnlyList<string> Required, IReadOnlyList<string> Optional)
{
    public const string Unknown = "unknown placeholder ";

    /// <param name="optional">Placeholders that a template may do without even where every given one holds them.</param>
    public static TemplatePlaceholders Of(IReadOnlyList<string> given, IReadOnlyList<string> optional)
    {
        var held = given.Select(In).ToList();
        var required = held.Aggregate((all, next) => [.. all.Intersect(next)]).Except(optional).Distinct().ToList();
        return new(required, [.. optional.Concat(held.SelectMany(names => names)).Distinct().Except(required)]);
    }

    public string Rule => (Required, Optional) switch
    {
        ([], []) => "no placeholders",
        ([], _) => $"each of {List(Optional)} at most once",
        (_, []) => $"every template holds {List(Required)} exactly once, written just so",
        _ => $"every template holds {List(Required)} exactly once, written just so, and may hold {List(Optional)} once",
    };

    /// <summary>Why a template can't be filled in as the given ones are, or null.</summary>
    public string? Problem(string text)
    {
        var held = In(text);
        return held.Except(Required).Except(Optional).FirstOrDefault() is { } unknown
            ? $"{Unknown}[{(unknown.Length <= 20 ? unknown : unknown[..20] + "…")}]"
            : Required.Except(held).FirstOrDefault() is { } missing ? $"[{missing}] is missing"
            : held.GroupBy(name => name).FirstOrDefault(same => same.Count() > 1) is { } twice ? $"[{twice.Key}] more than once"
            : new Template(text, "").Fill(_ => "").IndexOfAny(['[', ']']) >= 0 ? "a bracket that is no placeholder"
            : null;
    }

    /// <summary>Whether a text holds all that it must.</summary>
    public bool AreIn(string text) => !Required.Except(In(text)).Any();

    /// <summary>The text with its placeholders as they are spelled here: <c>[Input]</c> and <c>[ input ]</c> are <c>[input]</c>.</summary>
    public string Spelled(string text) => Bracketed().Replace(text, match =>
        Required.Concat(Optional)
            .FirstOrDefault(name => name.Equals(match.Groups[1].Value.Replace("\\", ""), StringComparison.OrdinalIgnoreCase)) is { } known
            ? $"[{known}]" : match.Value);

    [GeneratedRegex(@"\\?\[\s{0,4}([^\[\]\n]{1,60}?)\s{0,4}\\?\]")]
    private static partial Regex Bracketed();

    private static string[] In(string text) => [.. new Template(text, "").Placeholders];

    private static string List(IReadOnlyList<string> names) => string.Join(", ", names.Select(name => $"[{name}]"));
}
