using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>A pipeline whose every name and type has been checked.</summary>
public sealed record Pipeline(string Name, IReadOnlyList<StageSpec> Stages)
{
    public StageSpec Stage(string id) => Stages.First(stage => stage.Id == id);
}

/// <param name="Retries">Attempts after the first, for transient failures and timeouts.</param>
public sealed record StageSpec(
    string Id, StageKind Kind, StageParams With, IReadOnlyDictionary<string, InputRef> Inputs, int Retries, TimeSpan? Timeout)
{
    /// <summary>Null: any worker of its kind can do it.</summary>
    public StageNeeds? Needs { get; init; }
}

/// <summary>Where an input comes from.</summary>
public abstract record InputRef;

/// <summary><c>data.dataset</c>: an output of another stage.</summary>
public sealed record StageOutput(string Stage, string Output) : InputRef
{
    public override string ToString() => $"{Stage}.{Output}";
}

/// <summary><c>model:NAME</c>: a folder directly under the models root.</summary>
public sealed record NamedModel(string Name) : InputRef
{
    public override string ToString() => $"model:{Name}";
}
