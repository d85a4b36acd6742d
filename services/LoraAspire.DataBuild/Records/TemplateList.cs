using System.Text.RegularExpressions;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Records;

/// <summary>A text with <c>[name]</c> placeholders. A name starts with a letter, so <c>[1]</c> is plain text.</summary>
/// <param name="Where">For messages: file:line, or where in the YAML it stands.</param>
internal sealed partial record Template(string Text, string Where)
{
    private Regex? _form;

    /// <summary>
    /// The columns of the table that it is filled from. Their names are placeholders whatever they are made of, such as [Review (text)].
    /// </summary>
    public IReadOnlyCollection<string> Columns { get; init; } = [];

    private Regex Names => _form ??= Columns.Where(column => column.Length > 0 && (char.IsLetter(column[0]) || column[0] == '_'))
        .All(column => Form().Match($"[{column}]").Length == column.Length + 2)
        ? Form()
        // With such names about, any bracket that begins like a name may be a slip in one.
        : new(@"\[((?:"
            + string.Join('|', Columns.OrderByDescending(column => column.Length).Where(column => column.IndexOfAny(['[', ']']) >= 0)
                .Select(Regex.Escape).Append("(?!)")) + @")|[\p{L}_][^\[\]\n]*)\]", RegexOptions.CultureInvariant);

    public IEnumerable<string> Placeholders => Names.Matches(Text).Select(match => match.Groups[1].Value);

    /// <summary>Every placeholder replaced in one pass: what a value itself holds in brackets is left alone.</summary>
    public string Fill(Func<string, string> value) => Names.Replace(Text, match => value(match.Groups[1].Value));

    /// <summary>What is wrong with its placeholders, or null.</summary>
    /// <param name="required">Must stand in it exactly once.</param>
    public string? Problem(IReadOnlyCollection<string> known, string? required)
    {
        var names = Placeholders.ToList();
        return names.Find(name => !known.Contains(name)) is { } unknown
            ? $"nothing is known of the placeholder [{unknown}]. There are: {string.Join(", ", known.Select(name => $"[{name}]"))}"
            : required is not null && names.Count(name => name == required) != 1 ? $"a template holds [{required}] exactly once"
            : null;
    }

    [GeneratedRegex(@"\[([\p{L}_][\w .-]*)\]")]
    private static partial Regex Form();
}

/// <summary>
/// Templates, drawn evenly: a shuffled round of all of them, then the next, so that their counts differ by one at most. The seed fixes the
/// order.
/// </summary>
internal sealed class TemplateList(IReadOnlyList<Template> templates)
{
    public IReadOnlyList<Template> All => templates;

    /// <summary>What stands under <c>templates</c>: templates themselves, and files of them.</summary>
    public static IEnumerable<Template> Given(IEnumerable<string> listed, Func<string, bool> isFile, Func<string, DataFile> find) =>
        listed.SelectMany((text, i) => isFile(text) ? Read(find(text)) : [new Template(text, $"templates, item {i + 1}")]);

    /// <summary>One template a line; blank lines and those that start with # are left out.</summary>
    /// <exception cref="StageException">The file holds no template.</exception>
    public static IEnumerable<Template> Read(DataFile list)
    {
        var found = false;
        foreach (var (number, text) in list.Lines())
        {
            if (!text.TrimStart().StartsWith('#'))
            {
                found = true;
                yield return new(text.Trim(), $"{list.Name}:{number}");
            }
        }
        if (!found)
        {
            throw new StageException(
                $"{list.Name}: holds no template. Write one a line, such as: Translate from [src_lang] to [tgt_lang]: [input]");
        }
    }

    /// <exception cref="StageException">A template's placeholders are wrong; file and line, and what may stand there.</exception>
    public static TemplateList Checked(IEnumerable<Template> templates, IReadOnlyCollection<string> known, string? required = null)
    {
        List<Template> all = [.. templates];
        foreach (var template in all)
        {
            if (template.Problem(known, required) is { } problem)
            {
                throw new StageException($"{template.Where}: {problem}. The template is: {template.Text}");
            }
        }
        return new(all);
    }

    /// <summary>Never ends.</summary>
    public IEnumerable<Template> Draw(int seed)
    {
        Random random = new(seed);
        var round = templates.ToArray();
        while (true)
        {
            random.Shuffle(round);
            foreach (var template in round)
            {
                yield return template;
            }
        }
    }
}
