namespace LoraAspire.Pipelines.Stages;

/// <summary>Puts a model behind the chat service.</summary>
public sealed record ChatParams : StageParams
{
    /// <summary>The id under which /v1/models lists it; null takes the pipeline's name.</summary>
    public string? ModelName { get; init; }

    /// <summary>What the weights are kept as in memory.</summary>
    public ServedWeights Weights { get; init; } = ServedWeights.Auto;
}

/// <summary>Auto is what the device is good at; q8_0 is a quarter of f32, for a small loss.</summary>
public enum ServedWeights { Auto, F32, Bf16, Q8_0 }
