using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages;

/// <summary>Base + adapter → a Hugging Face directory that needs no adapter.</summary>
public sealed record MergerParams : StageParams
{
    /// <summary>Largest size of one safetensors file in the output, in MiB.</summary>
    [Range(1, 1_048_576)]
    public int MaxShardSizeMib { get; init; } = 4096;
}
