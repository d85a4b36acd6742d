namespace LoraAspire.Pipelines.Stages;

/// <summary>One named input or output of a stage kind: which kind of artifact, and whether it must be given.</summary>
public sealed record Port(string Name, ArtifactKind Artifact, bool Required = true)
{
    /// <summary>Other kinds of artifact that an input takes as well.</summary>
    public IReadOnlyList<ArtifactKind> Also { get; init; } = [];

    /// <summary>
    /// Takes any number, each under a name of the pipeline's own: <c>candidates: { early: …, late: … }</c> gives the inputs
    /// candidates.early and candidates.late.
    /// </summary>
    public bool Many { get; init; }

    public bool Takes(ArtifactKind kind) => kind == Artifact || Also.Contains(kind);

    /// <summary>All that it takes, in words: "a model or an adapter".</summary>
    public string TakenWords() => string.Join(" or ", Also.Prepend(Artifact).Select(kind => kind.WithArticle()));
}

public enum ArtifactKind { Dataset, Adapter, Model, Report, Export, Checkpoints }

public static class ArtifactKindWords
{
    public static string WithArticle(this ArtifactKind kind)
    {
        var word = kind.ToString().ToLowerInvariant();
        return kind == ArtifactKind.Checkpoints ? word : Article.With(word);
    }
}

/// <summary>All that pages, terminals, coordinator and workers know of a kind of stage: they draw and run every kind from this.</summary>
/// <param name="Name">Stands in a pipeline's <c>uses</c>, names the Aspire resource and ends the work stream.</param>
/// <param name="Version">Part of every stage key: raise it when the same parameters give other bytes.</param>
/// <param name="Params">The record of its parameters.</param>
public sealed record StageKind(string Name, int Version, Type Params)
{
    /// <summary>What it does, for people: a few words after its name.</summary>
    public required string Title { get; init; }

    /// <summary>The project whose program computes it.</summary>
    public string Program { get; init; } =
        "LoraAspire." + string.Concat(Name.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    public IReadOnlyList<Port> Inputs { get; init; } = [];
    public IReadOnlyList<Port> Outputs { get; init; } = [];

    /// <summary>The port that takes an input of this name; null where none does.</summary>
    public Port? Input(string name) => Inputs.FirstOrDefault(port => !port.Many ? port.Name == name
        : name.StartsWith(port.Name + ".", StringComparison.Ordinal) && Identifiers.IsStage(name[(port.Name.Length + 1)..]));

    /// <summary>Where there are several ways to give it its inputs: one of these sets, whole and alone.</summary>
    public IReadOnlyList<IReadOnlyList<string>> InputSets { get; init; } = [];

    /// <summary>What is wrong with giving these inputs and no others, in words; null where nothing is.</summary>
    public string? InputProblem(IReadOnlyCollection<string> given) =>
        InputSets.Count == 0 || InputSets.Any(set => set.ToHashSet().SetEquals(given)) ? null
            : $"{Name} takes {string.Join(", or ", InputSets.Select(set => string.Join(" and ", set)))}, and is given "
                + (given.Count == 0 ? "none" : string.Join(" and ", given));

    /// <summary>False when its effect is outside the store, so that it runs every time.</summary>
    public bool Cached { get; init; } = true;

    /// <summary>Its progress has <see cref="TrainingFigures"/>: a page draws them as curves, and shows this stage first.</summary>
    public bool Trains { get; init; }
}

/// <summary>Every stage kind there is: a new one is a row here.</summary>
public static class StageKinds
{
    private static readonly List<StageKind> Rows = [];

    public static readonly StageKind DataBuild = Row(new("data-build", 5, typeof(DataBuildParams))
    {
        Title = "builds a data set from its sources",
        Inputs = [new("base", ArtifactKind.Model)],
        Outputs = [new("dataset", ArtifactKind.Dataset)],
    });

    public static readonly StageKind Trainer = Row(new("trainer", 8, typeof(TrainerParams))
    {
        Title = "trains an adapter, or the whole model",
        Inputs = [new("dataset", ArtifactKind.Dataset), new("base", ArtifactKind.Model)],
        // lora gives an adapter, full gives a model: see TrainerParams.FinetuningType
        Outputs = [new("adapter", ArtifactKind.Adapter, Required: false), new("model", ArtifactKind.Model, Required: false),
            new("checkpoints", ArtifactKind.Checkpoints, Required: false)],
        Trains = true,
    });

    public static readonly StageKind Merger = Row(new("merger", 3, typeof(MergerParams))
    {
        Title = "merges an adapter into its base model",
        Inputs = [new("base", ArtifactKind.Model), new("adapter", ArtifactKind.Adapter),
            new("adapter2", ArtifactKind.Adapter, Required: false), new("adapter3", ArtifactKind.Adapter, Required: false)],
        Outputs = [new("model", ArtifactKind.Model)],
    });

    public static readonly StageKind Evaluator = Row(new("evaluator", 4, typeof(EvaluatorParams))
    {
        Title = "asks a model, its base and others the same questions, and scores the answers",
        Inputs = [new("model", ArtifactKind.Model), new("base", ArtifactKind.Model, Required: false),
            new("candidates", ArtifactKind.Model, Required: false)
            {
                Also = [ArtifactKind.Adapter, ArtifactKind.Checkpoints],
                Many = true,
            },
            new("dataset", ArtifactKind.Dataset, Required: false), new("trained_on", ArtifactKind.Dataset, Required: false)],
        Outputs = [new("report", ArtifactKind.Report)],
    });

    public static readonly StageKind Exporter = Row(new("export", 1, typeof(ExporterParams))
    {
        Title = "writes a model as GGUF with a Modelfile, or for Hugging Face",
        Program = "LoraAspire.Exporter",
        Inputs = [new("model", ArtifactKind.Model), new("adapter", ArtifactKind.Adapter, Required: false)],
        Outputs = [new("export", ArtifactKind.Export)],
    });

    public static readonly StageKind Chat = Row(new("chat", 1, typeof(ChatParams))
    {
        Title = "serves a model on the chat page and its API",
        Inputs = [new("model", ArtifactKind.Model, Required: false), new("base", ArtifactKind.Model, Required: false),
            new("adapter", ArtifactKind.Adapter, Required: false)],
        InputSets = [["model"], ["base", "adapter"]],
        Cached = false,
    });

    public static IReadOnlyList<StageKind> All => Rows;

    public static StageKind? Find(string name) => Rows.Find(kind => kind.Name == name);

    private static StageKind Row(StageKind kind)
    {
        Rows.Add(kind);
        return kind;
    }
}
