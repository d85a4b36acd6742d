namespace LoraAspire.Pipelines.Stages;

/// <summary>One named input or output of a stage kind: which kind of artifact, and whether it must be given.</summary>
public sealed record Port(string Name, ArtifactKind Artifact, bool Required = true);

public enum ArtifactKind { Dataset, Adapter, Model, Report }

/// <summary>
/// A word that stands in a pipeline's <c>uses</c>, names the Aspire resource and ends the work stream.
/// <paramref name="Version"/> is part of every stage key: raise it when the same parameters give other bytes.
/// A stage that is not <paramref name="Cached"/> runs every time, since its effect is outside the store.
/// </summary>
public sealed record StageKind(
    string Name, int Version, Type Params, IReadOnlyList<Port> Inputs, IReadOnlyList<Port> Outputs, bool Cached = true);

/// <summary>Every stage kind there is. A new one is added here, and nowhere else in this assembly.</summary>
public static class StageKinds
{
    public static readonly StageKind DataBuild = new("data-build", 3, typeof(DataBuildParams),
        [new("base", ArtifactKind.Model)],
        [new("dataset", ArtifactKind.Dataset)]);

    public static readonly StageKind Trainer = new("trainer", 4, typeof(TrainerParams),
        [new("dataset", ArtifactKind.Dataset), new("base", ArtifactKind.Model)],
        // lora gives an adapter, full gives a model: see TrainerParams.FinetuningType
        [new("adapter", ArtifactKind.Adapter, Required: false), new("model", ArtifactKind.Model, Required: false)]);

    public static readonly StageKind Merger = new("merger", 1, typeof(MergerParams),
        [new("base", ArtifactKind.Model), new("adapter", ArtifactKind.Adapter)],
        [new("model", ArtifactKind.Model)]);

    public static readonly StageKind Evaluator = new("evaluator", 1, typeof(EvaluatorParams),
        [new("model", ArtifactKind.Model), new("base", ArtifactKind.Model, Required: false)],
        [new("report", ArtifactKind.Report)]);

    public static readonly StageKind Chat = new("chat", 1, typeof(ChatParams),
        [new("model", ArtifactKind.Model)],
        [], Cached: false);

    public static IReadOnlyList<StageKind> All { get; } = [DataBuild, Trainer, Merger, Evaluator, Chat];

    public static StageKind? Find(string name) => All.FirstOrDefault(kind => kind.Name == name);
}
