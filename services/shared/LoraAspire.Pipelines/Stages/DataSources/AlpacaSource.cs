using System.ComponentModel;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>instruction / input / output records: .json, .jsonl, .csv, .tsv, .parquet; text also .gz.</summary>
[Description(
    "instruction, input, output from .json, .jsonl, .csv, .tsv, .parquet, with `system` and `history` (a list of [question, answer], "
    + "each answer learned) where a record has them. `columns` names them where they differ; `fill` replaces a file's own `{{name}}`, "
    + "and `{{Name}}`, which begins a sentence, by the same with a capital")]
public sealed record AlpacaSource : RecordSource
{
    /// <summary>The file, relative to the data root: .json, .jsonl, .csv, .tsv, .parquet; text also .gz.</summary>
    public required string Path { get; init; }

    /// <summary>
    /// Which column of the file is which, where the names differ: <c>{ instruction: question, input: context, output: answer }</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Columns { get; init; } = new Dictionary<string, string>();

    /// <summary>What stands for the file's own placeholders: <c>{ name: Mingyu }</c> replaces every <c>{{name}}</c>.</summary>
    public IReadOnlyDictionary<string, string> Fill { get; init; } = new Dictionary<string, string>();

    /// <summary>What a record holds, in this order: the keys of <see cref="Columns"/>.</summary>
    public static IReadOnlyList<string> ColumnNames { get; } = ["instruction", "input", "output", "system", "history"];

    /// <summary>Whether a name is one of a file that can be read here, and not that of a data set on the Hub.</summary>
    public static bool IsFile(string name) => new[] { ".json", ".jsonl", ".csv", ".tsv", ".parquet", ".gz" }
        .Any(extension => name.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    public override IEnumerable<string> Files() => [Path];

    public override string? Problem() =>
        Columns.Keys.FirstOrDefault(key => !ColumnNames.Contains(key)) is { } unknown
            ? $"columns knows {string.Join(", ", ColumnNames)}, not '{unknown}'" : null;
}
