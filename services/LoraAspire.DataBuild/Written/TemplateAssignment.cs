using LoraAspire.ChatClients.Parsing;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Written.Parsing;
using Microsoft.Extensions.AI;

namespace LoraAspire.DataBuild.Written;

/// <summary>More templates in the manner of the given ones.</summary>
/// <param name="What">The task in words, such as translation.</param>
/// <param name="Given">The templates that are there: at least one.</param>
/// <param name="Optional">Placeholders that a template may do without even where every given one holds them.</param>
internal sealed record TemplateAssignment(string Name, string What, IReadOnlyList<string> Given, IReadOnlyList<string> Optional, int Count)
    : Assignment<string>(Name, Count, AtOnce: 20, ChatResponseFormat.ForJsonSchema<AnswerBySchema<string>>(schemaName: "templates"))
{
    private const int Examples = 10;
    private const int Shown = 30;
    private const int Longest = 400;

    private readonly TemplatePlaceholders _placeholders = TemplatePlaceholders.Of(Given, Optional);

    public override string System(bool bySchema) =>
        $"You write instruction templates for training data. "
        + $"Answer with {(bySchema ? "JSON, { \"items\": [\"…\", …] }," : "a numbered list")} and nothing else.";

    public override string Task => string.Join('\n',
    [
        $"The task: {What}. A template is what a user could say to have it done; the words in square brackets are filled in later.", "",
        "Templates that are there:", .. Numbered(Given.Take(Examples)), "",
        $"Rules: one template a line; {_placeholders.Rule}; no other square brackets; the language of the templates above; "
            + "each worded differently, from short and plain to polite and long; no explanations.",
    ]);

    public override IEnumerable<string> ExampleKeys => Given.Select(Key);

    public override string Ask(int count, IReadOnlyList<string> have) =>
        (have.Count == 0 ? "" : $"These were written after them:\n{string.Join('\n', Numbered(have.TakeLast(Shown)))}\n\n")
        + $"Write {count} more templates that differ from all of these.";

    public override ReadAnswer<string> Read(string answer, bool cutOff)
    {
        Func<string, bool>? whole = _placeholders.Required.Count == 0 ? null : text => _placeholders.AreIn(_placeholders.Spelled(text));
        var (items, dropped) = ListReader.Read(answer, cutOff, whole);
        return new([.. items.Select(_placeholders.Spelled)], dropped);
    }

    public override string? Problem(string item) => item.Length > Longest ? "too long"
        : item.Any(char.IsControl) ? "a control character"
        : item.Contains(Blanks.Damaged) ? "a damaged letter"
        : _placeholders.Problem(item);

    public override string Key(string item) => Same(item);

    private static IEnumerable<string> Numbered(IEnumerable<string> templates) => templates.Select((template, i) => $"{i + 1}. {template}");
}
