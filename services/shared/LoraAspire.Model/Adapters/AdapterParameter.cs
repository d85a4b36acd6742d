namespace LoraAspire.Model.Adapters;

/// <summary>What a dimension of an adapter's tensor counts.</summary>
public enum Axis
{
    /// <summary>Outputs of the layer.</summary>
    Out,
    /// <summary>Inputs of the layer.</summary>
    In,
    /// <summary>The rank that the settings give the layer.</summary>
    Rank,
}

/// <summary>A tensor that a kind of adapter trains at each layer, float32.</summary>
/// <param name="Name">What follows the layer's path in PEFT's file.</param>
public sealed record AdapterParameter(string Name, params IReadOnlyList<Axis> Axes)
{
    /// <summary>What other programs write in place of <see cref="Name"/>.</summary>
    public string? OtherName { get; init; }

    /// <summary>LoRA+ (Hayou et al. 2024) gives it the higher learning rate.</summary>
    public bool IsFast { get; init; }
}
