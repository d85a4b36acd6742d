namespace LoraAspire.Pipelines.Stages;

/// <summary>
/// Sentence pairs turned into instructions by a list of templates, one a line, with [src_lang], [tgt_lang], [input]. The file is tab-separated pairs (.tsv, .txt),
/// TMX, or a gettext catalogue (.po, .mo); each also .gz; or two aligned files, a sentence a line.
/// </summary>
public sealed record ParallelSource : RecordSource
{
    public required string Path { get; init; }

    /// <summary>The other side, line by line, where <see cref="Path"/> holds the source side alone.</summary>
    public string? TargetPath { get; init; }

    public required string SrcLang { get; init; }
    public required string TgtLang { get; init; }

    /// <summary>A template file under the data root; null takes the built-in list.</summary>
    public string? Templates { get; init; }

    public bool BothDirections { get; init; }

    /// <summary>Drops pairs of which one side is more than this many times as long as the other, in letters; null keeps all.</summary>
    public double? MaxLengthRatio { get; init; }

    /// <summary>Drops pairs of which a side isn't written in the script of its language.</summary>
    public bool CheckScripts { get; init; }

    public override IEnumerable<string> Files() => new[] { Path, TargetPath, Templates }.OfType<string>();

    /// <summary>How many more templates in the manner of the given ones the chat model of <c>writer</c> is asked for.</summary>
    public int Written { get; init; }

    internal override int AskedFor => Written;
}
