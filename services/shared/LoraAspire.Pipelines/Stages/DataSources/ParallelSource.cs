using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>
/// Sentence pairs turned into instructions by a list of templates, one a line, with [src_lang], [tgt_lang], [input]. The file is
/// tab-separated pairs (.tsv, .txt), TMX, or a gettext catalogue (.po, .mo); each also .gz; or two aligned files, a sentence a line.
/// </summary>
[Description(
    "pairs with a tab between, two aligned files (`target_path`), TMX, gettext .po and .mo, by `templates` with "
    + "`[src_lang]`, `[tgt_lang]` and `[input]` exactly once: a list of templates, or files of them; without, our own ten. "
    + "Of a TMX with zh-CN and zh-TW the one that `src_lang` and `tgt_lang` name (a code, or \"Simplified Chinese\")")]
public sealed record ParallelSource : RecordSource
{
    /// <summary>The file, relative to the data root: pairs with a tab between, TMX, .po, .mo, or the source side alone.</summary>
    public required string Path { get; init; }

    /// <summary>The other side, line by line, where <see cref="Path"/> holds the source side alone.</summary>
    public string? TargetPath { get; init; }

    /// <summary>The language that is translated from, as templates name it.</summary>
    public required string SrcLang { get; init; }
    /// <summary>The language that is translated into.</summary>
    public required string TgtLang { get; init; }

    /// <summary>
    /// Template files under the data root, one template a line, or the templates themselves; none takes the built-in list.
    /// </summary>
    public IReadOnlyList<string> Templates { get; init; } = [];

    /// <summary>Each pair is taught in both directions.</summary>
    public bool BothDirections { get; init; }

    /// <summary>Drops pairs of which one side is more than this many times as long as the other, in letters; null keeps all.</summary>
    [Range(1.0, 1_000_000, ErrorMessage = "is how many times as long the longer side may be: 1 or more, such as 3")]
    public double? MaxLengthRatio { get; init; }

    /// <summary>Drops pairs of which a side isn't written in the script of its language.</summary>
    public bool CheckScripts { get; init; }

    public override IEnumerable<string> Files() => new[] { Path, TargetPath }.OfType<string>().Concat(Templates.Where(IsFile));

    public override string? Problem() =>
        Templates.Any(string.IsNullOrWhiteSpace)
            ? "one of the templates is empty: write a template such as \"Translate into [tgt_lang]: [input]\", or the name of a file "
                + "that holds some"
        : null;

    /// <summary>Every template holds [input]; what has no bracket is the name of a file.</summary>
    public static bool IsFile(string template) => !template.Contains('[');

    /// <summary>How many more templates in the manner of the given ones the chat model of <c>writer</c> is asked for.</summary>
    [Range(0, 100_000, ErrorMessage = "is a number of items, 0 to 100000")]
    public int Written { get; init; }

    internal override int AskedFor => Written;
}
