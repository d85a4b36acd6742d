using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.DataBuild.Output;

/// <summary>What became of one source's records.</summary>
public sealed class SourceCount
{
    public long Records { get; set; }
    public long Written { get; set; }
    public SortedDictionary<string, long> Dropped { get; } = [];
    public long Truncated { get; set; }
    public long Tokens { get; set; }
    public long LossTokens { get; set; }
}

/// <summary>Counts while rows are written; then dataset.json: what is in the data set, and from which bytes it was made.</summary>
public sealed class DatasetSummary
{
    public const string FileName = "dataset.json";
    private const int BinWidth = 64;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private readonly Dictionary<string, SourceCount> _sources = [];
    private readonly SortedDictionary<int, long> _lengths = [];

    public SourceCount Total { get; } = new();

    /// <summary>The fewest tokens that any prompt has: a cutoff below it masks everything.</summary>
    public int ShortestPrompt { get; private set; } = int.MaxValue;

    public void Dropped(SourceRecord record, string reason)
    {
        foreach (var count in new[] { Of(record), Total })
        {
            count.Records++;
            count.Dropped[reason] = count.Dropped.GetValueOrDefault(reason) + 1;
        }
    }

    public void SawPrompt(int length) => ShortestPrompt = Math.Min(ShortestPrompt, length);

    public void Written(SourceRecord record, TokenizedRow row)
    {
        foreach (var count in new[] { Of(record), Total })
        {
            count.Records++;
            count.Written++;
            count.Truncated += row.Truncated ? 1 : 0;
            count.Tokens += row.InputIds.Length;
            count.LossTokens += row.Targets;
        }
        var bin = (row.InputIds.Length - 1) / BinWidth;
        _lengths[bin] = _lengths.GetValueOrDefault(bin) + 1;
    }

    /// <param name="tokenizerDir">Its tokenizer files are part of the lineage, as are the data files.</param>
    public void Save(string path, DataBuildParams with, string tokenizerDir, IEnumerable<DataFile> files)
    {
        var document = new
        {
            rows = Total.Written,
            total = Total,
            sources = _sources,
            masked_share = Total.Tokens == 0 ? 0 : Math.Round(1 - (double)Total.LossTokens / Total.Tokens, 4),
            length_histogram = _lengths.ToDictionary(bin => $"{bin.Key * BinWidth + 1}-{(bin.Key + 1) * BinWidth}", bin => bin.Value),
            with.PromptTemplateName,
            with.CutoffLen,
            with.TrainOnInputs,
            with.Compat,
            with.Seed,
            lineage = new
            {
                tokenizer = Model.Tokenizers.TokenizerFiles.Names.Where(name => File.Exists(Path.Combine(tokenizerDir, name)))
                    .ToDictionary(name => name, name => Digest(Path.Combine(tokenizerDir, name))),
                data = files.DistinctBy(file => file.Name).ToDictionary(file => file.Name, file => Digest(file.Path)),
            },
        };
        File.WriteAllText(path, JsonSerializer.Serialize(document, Json) + "\n");
    }

    private SourceCount Of(SourceRecord record)
    {
        if (!_sources.TryGetValue(record.Source, out var count))
        {
            _sources[record.Source] = count = new();
        }
        return count;
    }

    private static string Digest(string path)
    {
        using var file = File.OpenRead(path);
        return "sha256:" + Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
