using System.Text.Json;
using System.Text.Json.Serialization;

namespace LoraAspire.Pipelines.Messages;

/// <summary>One attempt at one stage, on <c>lora:work:{kind}</c>. Carries digests and names, never paths of this machine.</summary>
/// <param name="Key">The stage key: where checkpoints lie and where outputs are cached.</param>
/// <param name="With">The parameters, defaults included, as snake_case JSON.</param>
/// <param name="DataFiles">Path under the data root → digest of the content that the key was made from.</param>
/// <param name="TimeoutSeconds">Null: no limit.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(StageOrder), "stage.run")]
public record StageOrder(
    string Run, DateTimeOffset At, string Stage, int Attempt, string Pipeline, string Kind, string Key, JsonElement With,
    IReadOnlyDictionary<string, InputArtifact> Inputs, IReadOnlyDictionary<string, string> DataFiles, double? TimeoutSeconds = null);

/// <summary>An input by digest: an artifact of the store, or the folder <paramref name="Model"/> under the models root.</summary>
public sealed record InputArtifact(string Digest, string? Model = null);
