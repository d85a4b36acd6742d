using System.Text.Json;
using System.Text.Json.Serialization;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Pipelines.Messages;

/// <summary>One attempt at one stage, on <c>lora:work:{kind}</c>. Carries digests and names, never paths of this machine.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(StageOrder), "stage.run")]
public record StageOrder(string Run, DateTimeOffset At, string Stage, int Attempt)
{
    /// <summary>The pipeline's name.</summary>
    public required string Pipeline { get; init; }

    /// <summary>The stage kind's name.</summary>
    public required string Kind { get; init; }

    /// <summary>The stage key: where checkpoints lie and where outputs are cached.</summary>
    public required string Key { get; init; }

    /// <summary>The parameters, defaults included, as snake_case JSON.</summary>
    public required JsonElement With { get; init; }

    /// <summary>Input name → what it takes.</summary>
    public required IReadOnlyDictionary<string, InputArtifact> Inputs { get; init; }

    /// <summary>Path under the data root → digest of the content that the key was made from.</summary>
    public required IReadOnlyDictionary<string, string> DataFiles { get; init; }

    /// <summary>What the worker must have, and so which stream of its kind it stands on; null: nothing.</summary>
    public StageNeeds? Needs { get; init; }

    /// <summary>Null: no limit.</summary>
    public double? TimeoutSeconds { get; init; }
}

/// <summary>An input by digest: an artifact of the store, or the folder <paramref name="Model"/> under the models root.</summary>
public sealed record InputArtifact(string Digest, string? Model = null);
