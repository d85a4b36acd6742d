using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>
/// Any table (.csv, .tsv, .json, .jsonl, .parquet; text also .gz) → instructions by templates with <c>[column]</c> placeholders:
/// classification, summarising, questions.
/// </summary>
[Description(
    "any of these tables, by templates with `[column]`: a list of templates, or files of them that end in .txt. "
    + "`input` fills the record's input; `values` are words for a column's values, and one that isn't listed is an error; "
    + "a record with an empty cell is left out")]
public sealed record TableSource : RecordSource
{
    /// <summary>The file, relative to the data root: .csv, .tsv, .json, .jsonl, .parquet; text also .gz.</summary>
    public required string Path { get; init; }

    /// <summary>A template file under the data root, one template a line; or the templates themselves.</summary>
    public required IReadOnlyList<string> Templates { get; init; }

    /// <summary>The answer, with placeholders: <c>"[label]"</c>.</summary>
    public required string Output { get; init; }

    /// <summary>What goes into the record's input, with placeholders; null where the template says it all.</summary>
    public string? Input { get; init; }

    /// <summary>
    /// Words for a column's values: <c>{ label: { "0": negative, "1": positive } }</c>. A value that isn't listed is an error.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> Values { get; init; } =
        new Dictionary<string, IReadOnlyDictionary<string, string>>();

    public override IEnumerable<string> Files() => [Path, .. Templates.Where(IsFile)];

    public override string? Problem() =>
        Templates.Count == 0 || Templates.Any(string.IsNullOrWhiteSpace)
            ? "a table needs at least one template, and none that is empty, such as \"Is this review positive or negative? [text]\""
        : string.IsNullOrWhiteSpace(Output) ? "output is empty, so every answer would be: name a column, as in \"[label]\""
        : null;

    /// <summary>A template file ends in .txt; anything else is a template.</summary>
    public static bool IsFile(string template) => template.EndsWith(".txt", StringComparison.OrdinalIgnoreCase);

    /// <summary>How many more templates in the manner of the given ones the chat model of <c>writer</c> is asked for.</summary>
    [Range(0, 100_000, ErrorMessage = "is a number of items, 0 to 100000")]
    public int Written { get; init; }

    internal override int AskedFor => Written;
}
