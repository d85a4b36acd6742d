using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages;

/// <summary>Base + adapter → a Hugging Face directory that needs no adapter.</summary>
public sealed record MergerParams : StageParams
{
    /// <summary>Largest size of one safetensors file in the output, in MiB.</summary>
    [Range(1, 1_048_576)]
    public int MaxShardSizeMib { get; init; } = 4096;

    /// <summary>The type of the merged weights; null keeps the base's.</summary>
    public WeightType? Dtype { get; init; }

    /// <summary>What each adapter counts, in the order adapter, adapter2, adapter3; none is 1 for all.</summary>
    [Range(-100.0, 100.0)]
    public IReadOnlyList<double> Weights { get; init; } = [];

    /// <summary>Refuses a base that is not the one of the adapter's training, as far as the adapter's files tell.</summary>
    public bool RequireBase { get; init; } = true;

    /// <summary>Compares the merged model with base and adapter side by side on prompts, and fails where they differ.</summary>
    public bool Verify { get; init; } = true;

    /// <summary>Questions to compare them on; none takes a set of ten of our own, in English and Chinese.</summary>
    public IReadOnlyList<string> VerifyPrompts { get; init; } = [];

    /// <summary>
    /// Largest difference of a logit that passes, as a share of the standard deviation of that prompt's logits; null takes what rounding to
    /// the output's type allows.
    /// </summary>
    [Range(0.0, 100.0)]
    public double? VerifyLimit { get; init; }
}

/// <summary>Floating-point types of weights in a file.</summary>
public enum WeightType { Float32, Bfloat16, Float16 }
