using System.Globalization;
using System.Text.Json;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.DataBuild.Output;

/// <summary>What became of one source's records.</summary>
internal sealed class SourceCount
{
    public long Records { get; private set; }
    public long Written { get; private set; }
    public SortedDictionary<string, long> Dropped { get; } = [];
    public long Truncated { get; private set; }
    public long Tokens { get; private set; }
    public long LossTokens { get; private set; }

    public SourceFacts Facts => new(Records, Written, Dropped, Truncated, Tokens, LossTokens);

    public void Count(BuiltRow built)
    {
        Records++;
        if (built.Dropped is { } reason)
        {
            Dropped[reason] = Dropped.GetValueOrDefault(reason) + 1;
            return;
        }
        Written++;
        Truncated += built.Row!.Truncated ? 1 : 0;
        Tokens += built.Row.InputIds.Length;
        LossTokens += built.Row.Targets;
    }
}

/// <summary>Counts while rows are written.</summary>
internal sealed class DatasetSummary
{
    private readonly Dictionary<string, SourceCount> _sources = [];
    private readonly SortedDictionary<int, long> _lengths = [];
    private readonly SortedDictionary<RowDifference, long> _differences = [];
    private readonly SortedDictionary<string, long> _leftOut = new(StringComparer.Ordinal);

    public SourceCount Total { get; } = new();

    /// <summary>Whether the rows differ at all.</summary>
    public AlikeRows Alike { get; } = new();

    /// <summary>What the user should know beside the counts.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>What of written rows isn't learned, and of records that the template refuses.</summary>
    public NotLearnedTurns NotLearned { get; } = new();

    public IReadOnlyDictionary<string, SourceCount> Sources => _sources;

    /// <summary>Rows by their length in tokens.</summary>
    internal LengthHistogram Lengths => new(_lengths);

    /// <summary>Rows that alpaca-lora would have made otherwise, by the reason.</summary>
    internal IReadOnlyDictionary<RowDifference, long> Differences => _differences;

    /// <summary>Parts that rows lack of their records, by what they are.</summary>
    private IEnumerable<string> LeftOut => _leftOut.Select(part => string.Create(CultureInfo.InvariantCulture,
        $"{part.Value:N0} {(part.Value == 1 ? "record has" : "records have")} {part.Key}: left out."));

    /// <summary>
    /// With prompts learned too, nearly every token carries loss: most of what is learned may be what users say, and nobody meant it.
    /// </summary>
    private IEnumerable<string> PromptsLearned(bool trainOnInputs)
    {
        const double most = 0.9;
        return !trainOnInputs || 1 - MaskedShare < most ? [] :
            [string.Create(CultureInfo.InvariantCulture, $"{1 - MaskedShare:P1} of the tokens carry loss: train_on_inputs is true (its "
                + $"default), so the prompts are learned as well. train_on_inputs: false learns the answers alone.")];
    }

    /// <summary>What the counts say that is easily overlooked; once, when all rows are counted.</summary>
    public void Conclude(DataBuildParams with) => Notes.AddRange([.. PromptsLearned(with.TrainOnInputs), .. LeftOut]);

    /// <summary>The part of all tokens that carries no loss.</summary>
    public double MaskedShare => Total.Tokens == 0 ? 0 : Math.Round(1 - ((double)Total.LossTokens / Total.Tokens), 4);

    /// <summary>The fewest tokens that any prompt has: a cutoff below it masks everything.</summary>
    public int ShortestPrompt { get; private set; } = int.MaxValue;

    internal void Count(BuiltRow built)
    {
        if (!_sources.TryGetValue(built.Record.Source, out var source))
        {
            _sources[built.Record.Source] = source = new();
        }
        source.Count(built);
        Total.Count(built);
        foreach (var words in built.NotLearned)
        {
            NotLearned.Count(words, built.Record);
        }
        ShortestPrompt = Math.Min(ShortestPrompt, built.Row?.PromptLength ?? int.MaxValue);
        if (built is { Row: { } row, Dropped: null })
        {
            _lengths[row.InputIds.Length] = _lengths.GetValueOrDefault(row.InputIds.Length) + 1;
            foreach (var part in built.Record.LeftOut)
            {
                _leftOut[part] = _leftOut.GetValueOrDefault(part) + 1;
            }
            Alike.Count(built.Record, row);
        }
        if (built.Difference != RowDifference.None)
        {
            _differences[built.Difference] = _differences.GetValueOrDefault(built.Difference) + 1;
        }
    }

    /// <summary>What happened, in a line of a log.</summary>
    public string Line(int cutoffLen) => string.Create(CultureInfo.InvariantCulture,
        $"{Total.Written:N0} rows, {Total.Tokens:N0} tokens, {1 - MaskedShare:P1} of them with loss; {Total.Truncated:N0} cut at "
            + $"cutoff_len {cutoffLen}; dropped: ")
        + (Total.Dropped.Count == 0 ? "none" : string.Join(", ", Total.Dropped.Select(reason => $"{reason.Value} ({reason.Key})")));

    public DatasetFacts Facts(DataBuildParams with, Lineage lineage) => new()
    {
        Rows = Total.Written,
        Total = Total.Facts,
        Sources = _sources.ToDictionary(source => source.Key, source => source.Value.Facts),
        MaskedShare = MaskedShare,
        Lengths = new(Lengths.Median, Lengths.P95, Lengths.Longest),
        LengthHistogram = Lengths.Bins.ToDictionary(bin => $"{bin.From}-{bin.To}", bin => bin.Rows),
        Notes = Notes,
        UnlikeAlpacaLora = _differences.ToDictionary(difference => Word(difference.Key), difference => difference.Value),
        PromptTemplateName = with.PromptTemplateName,
        CutoffLen = with.CutoffLen,
        TrainOnInputs = with.TrainOnInputs,
        Truncation = with.Truncation is { } truncation ? Word(truncation) : null,
        Compat = Word(with.Compat),
        Seed = with.Seed,
        Lineage = lineage,
    };

    private static string Word(Enum value) => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
