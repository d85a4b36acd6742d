namespace LoraAspire.Tests.Goldens;

/// <summary>Tests that seed torch's random numbers, which the whole process shares: they run one at a time.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class TorchRandom
{
    public const string Name = "torch's random numbers";
}
