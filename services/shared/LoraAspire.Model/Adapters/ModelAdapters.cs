using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model;

/// <summary>Attaching adapters to a model: fresh ones to train, loaded ones to run.</summary>
public static class ModelAdapters
{
    /// <summary>The layers an adapter's settings name, in the model's order.</summary>
    /// <exception cref="ModelException">A target that names no layer.</exception>
    public static IReadOnlyList<Linear> TargetsOf(this LlamaModel model, LoraConfig config)
    {
        foreach (var target in config.TargetModules.Where(target => target != LoraConfig.AllLinear))
        {
            if (!model.Linears.Any(linear => (config with { TargetModules = [target] }).Targets(linear.Name)))
            {
                var known = model.Linears.Select(linear => linear.Name.Split('.')[^1]).Distinct();
                throw new ModelException($"lora_target_modules: '{target}' names no linear layer of this model; there are {string.Join(", ", known)}, or {LoraConfig.AllLinear}.");
            }
        }
        return [.. model.Linears.Where(linear => config.Targets(linear.Name))];
    }

    /// <summary>
    /// Attaches a fresh pair to every target: A kaiming-uniform(√5), which is uniform(−1/√in, 1/√in); B zero, so that ΔW = BA starts at 0.
    /// Drawn on the CPU from the seed, so that every device starts alike.
    /// </summary>
    public static void AttachFresh(this LlamaModel model, LoraConfig config, long seed)
    {
        manual_seed(seed);
        foreach (var linear in model.TargetsOf(config))
        {
            using var scope = NewDisposeScope();
            var bound = 1 / Math.Sqrt(linear.InFeatures);
            var a = rand([config.R, linear.InFeatures], float32).mul_(2 * bound).sub_(bound).to(model.Device);
            var b = zeros([linear.OutFeatures, config.R], float32, model.Device);
            linear.Lora = new LoraPair(a.DetachFromDisposeScope(), b.DetachFromDisposeScope(), config.Scale, config.LoraDropout);
        }
    }

    /// <summary>Attaches a copy of a loaded adapter.</summary>
    /// <exception cref="ModelException">The adapter names a layer the model lacks, or one of another shape.</exception>
    public static void Attach(this LlamaModel model, LoraAdapter adapter)
    {
        var linears = model.Linears.ToDictionary(linear => linear.Name);
        foreach (var (layer, (a, b)) in adapter.Layers)
        {
            if (!linears.TryGetValue(layer, out var linear))
            {
                throw new ModelException($"The adapter was made for another base: this one has no layer {layer}.");
            }
            LoraAdapter.RequireShape(layer, a, b, linear.Weight.shape);
            linear.Lora?.Dispose();
            linear.Lora = new LoraPair(
                a.to(model.Device, copy: true).DetachFromDisposeScope(), b.to(model.Device, copy: true).DetachFromDisposeScope(),
                adapter.Config.Scale, adapter.Config.LoraDropout);
        }
    }

    /// <summary>Copies of the attached pairs on the CPU.</summary>
    public static LoraAdapter Detached(this LlamaModel model, LoraConfig config) =>
        new(config, model.Linears.Where(linear => linear.Lora is not null).ToDictionary(
            linear => linear.Name,
            linear => (linear.Lora!.A.detach().cpu().clone().DetachFromDisposeScope(), linear.Lora.B.detach().cpu().clone().DetachFromDisposeScope())));
}
