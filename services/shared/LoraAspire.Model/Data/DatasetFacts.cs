using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace LoraAspire.Model.Data;

/// <summary>What became of records, of one source or of all.</summary>
/// <param name="Dropped">Reason → records.</param>
/// <param name="Truncated">Rows cut at cutoff_len.</param>
public sealed record SourceFacts(long Records, long Written, IReadOnlyDictionary<string, long> Dropped, long Truncated, long Tokens,
    long LossTokens);

/// <summary>How long rows are, in tokens; 95 of 100 are no longer than <paramref name="P95"/>.</summary>
public sealed record LengthFacts(int Median, int P95, int Longest);

/// <summary>Rows by their length in tokens.</summary>
public sealed record LengthBin(int From, int To, long Rows);

/// <summary>
/// dataset.json: what is in a data set, and from which bytes it was made. Data-build writes it; everyone else reads it here. The order is
/// that of the file.
/// </summary>
public sealed record DatasetFacts
{
    public const string FileName = "dataset.json";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    public long Rows { get; init; }

    public required SourceFacts Total { get; init; }

    public required IReadOnlyDictionary<string, SourceFacts> Sources { get; init; }

    /// <summary>The part of all tokens that carries no loss, 0 to 1.</summary>
    public double MaskedShare { get; init; }

    public LengthFacts? Lengths { get; init; }

    /// <summary>"1-16" → rows: spans of equal width.</summary>
    public IReadOnlyDictionary<string, long> LengthHistogram { get; init; } = new Dictionary<string, long>();

    /// <summary>What is to be known beside the counts.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Rows that alpaca-lora would have made otherwise, by the reason.</summary>
    public IReadOnlyDictionary<string, long> UnlikeAlpacaLora { get; init; } = new Dictionary<string, long>();

    public string? PromptTemplateName { get; init; }

    public int CutoffLen { get; init; }

    public bool TrainOnInputs { get; init; }

    public string? Truncation { get; init; }

    public string? Compat { get; init; }

    public int Seed { get; init; }

    public Lineage? Lineage { get; init; }

    /// <summary>The histogram, ascending.</summary>
    [JsonIgnore]
    public IReadOnlyList<LengthBin> LengthBins => [.. LengthHistogram.Select(bin => bin.Key.Split('-') is [var from, var to]
        ? new LengthBin(int.Parse(from, CultureInfo.InvariantCulture), int.Parse(to, CultureInfo.InvariantCulture), bin.Value)
        : throw new FormatException($"'{bin.Key}' is no span of lengths.")).OrderBy(bin => bin.From)];

    /// <summary><see cref="UnlikeAlpacaLora"/> as people read it.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, long> Differences =>
        UnlikeAlpacaLora.DistinctBy(reason => reason.Key.Replace('_', ' '))
            .ToDictionary(reason => reason.Key.Replace('_', ' '), reason => reason.Value);

    public void Write(string folder) => File.WriteAllText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, Json) + "\n");

    /// <exception cref="ModelException">No dataset.json there, or not one of ours.</exception>
    public static DatasetFacts Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        return !File.Exists(path)
            ? throw new ModelException($"No {FileName} in {folder}: it is not a data set that data-build wrote.")
            : JsonFile.Read(path, "data set summary", root => root.Deserialize<DatasetFacts>(Json) is { } facts && facts.IsWhole() ? facts
                : throw new FormatException("It has no counts, or holds nothing where a value belongs."));
    }

    /// <summary>
    /// The serialiser holds properties to what their types promise, and what stands in lists and under free keys to nothing.
    /// </summary>
    private bool IsWhole() => LengthBins.Count >= 0
        && !Sources.Values.Contains(null!) && !Notes.Contains(null!) && Lineage?.Digests().Any(digest => digest.Sha256 is null) is not true;
}
