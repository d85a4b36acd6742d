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

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <exception cref="ModelException">No dataset.json there, or not one of ours.</exception>
    public static DatasetFacts Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var file = JsonSerializer.Deserialize<Document>(File.ReadAllBytes(path), Json);
            return file is { Total: { } total, Sources: { } sources }
                ? new(file.Rows, total, sources, file.MaskedShare, Bins(file.LengthHistogram ?? []), file.PromptTemplateName, file.CutoffLen, file.TrainOnInputs)
                {
                    Notes = file.Notes ?? [],
                    UnlikeAlpacaLora = (file.UnlikeAlpacaLora ?? []).ToDictionary(reason => reason.Key.Replace('_', ' '), reason => reason.Value),
                    Lineage = file.Lineage,
                }
                : throw new ModelException($"{path} has no counts. Build the data set again.");
        }
        catch (FileNotFoundException)
        {
            throw new ModelException($"No {FileName} in {folder}: it is not a data set that data-build wrote.");
        }
        catch (Exception error) when (error is JsonException or FormatException)
        {
            throw new ModelException($"{path} is not readable: {error.Message} Build the data set again.", error);
        }
    }

    private static List<LengthBin> Bins(Dictionary<string, long> histogram) =>
        [.. histogram.Select(bin => bin.Key.Split('-') is [var from, var to]
            ? new LengthBin(int.Parse(from, CultureInfo.InvariantCulture), int.Parse(to, CultureInfo.InvariantCulture), bin.Value)
            : throw new FormatException($"'{bin.Key}' is no span of lengths.")).OrderBy(bin => bin.From)];

    private sealed record Document(long Rows, SourceFacts? Total, Dictionary<string, SourceFacts>? Sources, double MaskedShare, Dictionary<string, long>? LengthHistogram,
        string? PromptTemplateName, int CutoffLen, bool TrainOnInputs, List<string>? Notes, Dictionary<string, long>? UnlikeAlpacaLora, Lineage? Lineage);
}
