using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Adapters;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Trainer;

[Collection(Goldens.TorchRandom.Name)]
public sealed class WeightDecayTests
{
    /// <summary>Without a gradient AdamW's step is its decay alone: θ(1 − lr·λ) = 0.95 θ.</summary>
    [Fact]
    public void In_full_training_norms_and_biases_do_not_decay()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(TinyModel.Config with { QkvBias = true, QkNorm = true }, CPU, float32, seed: 5);
        foreach (var (_, tensor) in model.Weights())
        {
            tensor.fill_(2);
        }
        using var parameters = ParameterSet.OfModel(model);
        using var optimiser = new AdamW(parameters, 0.9, 0.999, 1e-8, weightDecay: 0.5);

        optimiser.Step(0.1);

        var values = model.Weights().ToDictionary(weight => weight.Name, weight => weight.Tensor.min().item<float>());
        var kept = values.Where(weight => weight.Value == 2).Select(weight => weight.Key).ToList();
        Assert.Equal(
            values.Keys.Where(name => name.EndsWith("norm.weight", StringComparison.Ordinal)
                || name.EndsWith("layernorm.weight", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal)), kept);
        Assert.Equal(1 + (2 * (4 + 3)), kept.Count); // model.norm; two layers of two norms, q's and k's norm, three biases
        Assert.All(values.Where(weight => !kept.Contains(weight.Key)), weight => Assert.Equal(1.9f, weight.Value, 6));
    }

    [Fact]
    public void All_of_an_adapter_decays_in_one_stretch()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 5);
        model.AttachFresh(new LoraConfig(4, 8, 0, [AdapterConfig.AllLinear]) { UseDora = true }, 1);
        using var parameters = ParameterSet.OfAdapters(model);

        var group = Assert.Single(parameters.Groups);
        Assert.True(group.Decays);
        Assert.Equal([(0, parameters.Count)], group.Stretches);
    }
}
