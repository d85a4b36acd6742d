using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Adapters;

/// <summary>Fresh adapters, moved a little from where they begin: there B is zero, and A has no gradient.</summary>
internal static class MovedAdapters
{
    public static ParameterSet On(LlamaModel model, LoraConfig config, double by = 0.05, long seed = 5, long moves = 9)
    {
        model.AttachFresh(config, seed);
        var parameters = ParameterSet.OfAdapters(model);
        using var noGrad = no_grad();
        RandomNumbers.Seed(model.Device, moves);
        parameters.Values.add_(randn_like(parameters.Values).mul_(by));
        return parameters;
    }
}
