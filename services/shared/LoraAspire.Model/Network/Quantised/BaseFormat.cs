namespace LoraAspire.Model.Network.Quantised;

/// <summary>What the linear layers of a frozen base are held in.</summary>
public enum BaseFormat
{
    /// <summary>As numbers of the type that is computed in: bfloat16 on a GPU, float32 on the CPU.</summary>
    Bf16,
    /// <summary>e4m3, computed with as such.</summary>
    Fp8,
    /// <summary>Whole numbers of 8 bits with a scale a row.</summary>
    Int8,
    /// <summary>Four bits by the quantiles of a normal distribution (Dettmers et al. 2023), with a scale for each 64.</summary>
    Nf4,
}

public static class BaseFormatExtensions
{
    /// <summary>As base_type has it.</summary>
    public static string Word(this BaseFormat format) => format.ToString().ToLowerInvariant();
}
