namespace LoraAspire.Pipelines.Stages;

/// <summary>Sources → a tokenised instruction data set. Option names and defaults are alpaca-lora's.</summary>
public sealed record DataBuildParams : StageParams
{
    /// <summary>Records, in the order written. At least one.</summary>
    public IReadOnlyList<DataSource> Sources { get; init; } = [];

    /// <summary>A built-in name (alpaca, bayling) or a template file under the data root (ends in .json).</summary>
    public string PromptTemplateName { get; init; } = "alpaca";

    /// <summary>Longest row in tokens, BOS included; what is longer is cut on the right.</summary>
    public int CutoffLen { get; init; } = 256;

    /// <summary>False masks the whole prompt, so that only the answer carries loss.</summary>
    public bool TrainOnInputs { get; init; } = true;

    /// <summary>Only affects how the prompt's length is measured, and only under <c>compat: alpaca-lora</c>.</summary>
    public bool AddEosToken { get; init; }

    /// <summary>What to do with a record whose answer is empty.</summary>
    public EmptyOutput EmptyOutput { get; init; } = EmptyOutput.Keep;

    /// <summary>alpaca-lora reproduces its known defects; none fixes them.</summary>
    public Compat Compat { get; init; } = Compat.None;

    /// <summary>Seed of every draw: samples, templates, order.</summary>
    public int Seed { get; init; } = 42;

    public override IEnumerable<string> DataFiles()
    {
        if (PromptTemplateName.EndsWith(".json", StringComparison.Ordinal))
        {
            yield return PromptTemplateName;
        }
        foreach (var file in Sources.SelectMany(source => source.Files()))
        {
            yield return file;
        }
    }

    public override IEnumerable<(string Key, string Problem)> Validate()
    {
        if (Sources.Count == 0)
        {
            yield return ("sources", "needs at least one source: alpaca, parallel, self_cognition or grammar");
        }
        foreach (var source in Sources)
        {
            if (source.Problem() is { } problem)
            {
                yield return ("sources", problem);
            }
        }
        if (CutoffLen < 2)
        {
            yield return ("cutoff_len", "must be at least 2 tokens: BOS and one to predict");
        }
    }
}

public enum Compat { None, AlpacaLora }

public enum EmptyOutput { Keep, Skip, Error }

/// <summary>One item of <c>sources</c>: exactly one of its members is set. <c>sample</c> draws that many rows by the seed; <c>repeat</c> counts each row that often.</summary>
public sealed record DataSource
{
    public AlpacaSource? Alpaca { get; init; }
    public ParallelSource? Parallel { get; init; }
    public SelfCognitionSource? SelfCognition { get; init; }
    public GrammarSource? Grammar { get; init; }

    public IEnumerable<string> Files() =>
        new[] { Alpaca?.Path, Parallel?.Path, Parallel?.Templates }.OfType<string>();

    public string? Problem() =>
        new object?[] { Alpaca, Parallel, SelfCognition, Grammar }.Count(member => member is not null) == 1
            ? null
            : "each item names exactly one of alpaca, parallel, self_cognition, grammar";
}

/// <summary>instruction / input / output records: .json, .jsonl, each also .gz.</summary>
public sealed record AlpacaSource
{
    public required string Path { get; init; }
    public int? Sample { get; init; }
    public int Repeat { get; init; } = 1;
}

/// <summary>Tab-separated sentence pairs (also .gz), turned into instructions by a list of templates, one a line, with [src_lang], [tgt_lang], [input].</summary>
public sealed record ParallelSource
{
    public required string Path { get; init; }
    public required string SrcLang { get; init; }
    public required string TgtLang { get; init; }
    /// <summary>A template file under the data root; null takes the built-in list.</summary>
    public string? Templates { get; init; }
    public bool BothDirections { get; init; }
    public int? Sample { get; init; }
    public int Repeat { get; init; } = 1;
}

/// <summary>Records in which the model says who it is.</summary>
public sealed record SelfCognitionSource
{
    public required string Name { get; init; }
    public required string Developer { get; init; }
    public IReadOnlyList<string> Abilities { get; init; } = [];
    public int? Sample { get; init; }
    public int Repeat { get; init; } = 1;
}

/// <summary>Records from this project's own grammar of short English and Chinese instruction pairs: what the tiny base learned.</summary>
public sealed record GrammarSource
{
    public required int Count { get; init; }
    /// <summary>The name the model calls itself by in these records.</summary>
    public string Name { get; init; } = "Pebble";
}
