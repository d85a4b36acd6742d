using System.Globalization;
using System.Text.Json;

namespace LoraAspire.Model.Data;

/// <summary>What became of records, of one source or of all.</summary>
/// <param name="Dropped">Reason → records.</param>
/// <param name="Truncated">Rows cut at cutoff_len.</param>
public sealed record SourceFacts(long Records, long Written, IReadOnlyDictionary<string, long> Dropped, long Truncated, long Tokens, long LossTokens);

/// <summary>Rows by their length in tokens.</summary>
public sealed record LengthBin(int From, int To, long Rows);

/// <summary>dataset.json as data-build writes it, as far as it is shown.</summary>
/// <param name="MaskedShare">The part of all tokens that carries no loss, 0 to 1.</param>
/// <param name="Lengths">Bins of equal width, ascending.</param>
public sealed record DatasetFacts(
    long Rows, SourceFacts Total, IReadOnlyDictionary<string, SourceFacts> Sources, double MaskedShare, IReadOnlyList<LengthBin> Lengths, string? PromptTemplateName, int CutoffLen, bool TrainOnInputs)
{
    /// <summary>What is to be known beside the counts.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Rows that alpaca-lora would have made otherwise, by the reason.</summary>
    public IReadOnlyDictionary<string, long> UnlikeAlpacaLora { get; init; } = new Dictionary<string, long>();

    public Lineage? Lineage { get; init; }

    public const string FileName = "dataset.json";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

    /// <exception cref="ModelException">No dataset.json there, or not one of ours.</exception>
    public static DatasetFacts Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        return !File.Exists(path)
            ? throw new ModelException($"No {FileName} in {folder}: it is not a data set that data-build wrote.")
            : JsonFile.Read(path, "data set summary", root => Of(root.Deserialize<Document>(Json)) ?? throw new FormatException("It has no counts, or holds nothing where a value belongs."));
    }

    private static DatasetFacts? Of(Document? file) => file is { Total: { } total, Sources: { } sources } && IsWhole(file, sources)
        ? new(file.Rows, total, sources, file.MaskedShare, Bins(file.LengthHistogram ?? []), file.PromptTemplateName, file.CutoffLen, file.TrainOnInputs)
        {
            Notes = file.Notes ?? [],
            UnlikeAlpacaLora = (file.UnlikeAlpacaLora ?? []).DistinctBy(reason => reason.Key.Replace('_', ' ')).ToDictionary(reason => reason.Key.Replace('_', ' '), reason => reason.Value),
            Lineage = file.Lineage,
        }
        : null;

    /// <summary>The serialiser holds properties to what their types promise, and what stands in lists and under free keys to nothing.</summary>
    private static bool IsWhole(Document file, Dictionary<string, SourceFacts> sources) =>
        !sources.Values.Contains(null!) && file.Notes?.Contains(null!) is not true && file.Lineage?.Digests().Any(digest => digest.Sha256 is null) is not true;

    private static List<LengthBin> Bins(Dictionary<string, long> histogram) =>
        [.. histogram.Select(bin => bin.Key.Split('-') is [var from, var to]
            ? new LengthBin(int.Parse(from, CultureInfo.InvariantCulture), int.Parse(to, CultureInfo.InvariantCulture), bin.Value)
            : throw new FormatException($"'{bin.Key}' is no span of lengths.")).OrderBy(bin => bin.From)];

    private sealed record Document(long Rows = 0, SourceFacts? Total = null, Dictionary<string, SourceFacts>? Sources = null, double MaskedShare = 0, Dictionary<string, long>? LengthHistogram = null,
        string? PromptTemplateName = null, int CutoffLen = 0, bool TrainOnInputs = false, List<string>? Notes = null, Dictionary<string, long>? UnlikeAlpacaLora = null, Lineage? Lineage = null);
}
