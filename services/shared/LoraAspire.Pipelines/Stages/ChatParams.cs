namespace LoraAspire.Pipelines.Stages;

/// <summary>Puts a model behind the chat service.</summary>
public sealed record ChatParams : StageParams
{
    /// <summary>The id under which /v1/models lists it; null takes the pipeline's name.</summary>
    public string? ModelName { get; init; }
}
