namespace LoraAspire.Model.Generation;

/// <summary>What weights are kept as in memory.</summary>
public enum WeightFormat
{
    /// <summary>What the device is good at: bfloat16 on a GPU that has it, else float32.</summary>
    Auto,
    F32,
    Bf16,
    /// <summary>Blocks of 32 weights of 8 bits with a common scale: a quarter of f32, for a small loss.</summary>
    Q8_0,
}
