using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Model.Adapters;

/// <summary>Attaching adapters to a model: fresh ones to train, loaded ones to run.</summary>
public static class ModelAdapters
{
    /// <summary>The layers an adapter's settings name, in the model's order.</summary>
    /// <exception cref="ModelException">A target that names no layer.</exception>
    public static IReadOnlyList<Linear> TargetsOf(this LlamaModel model, LoraConfig config)
    {
        foreach (var target in config.TargetModules.Where(target => target != LoraConfig.AllLinear))
        {
            if (!model.Linears.Any(linear => (config with { TargetModules = [target], LayersToTransform = null }).Targets(linear.Name)))
            {
                var known = model.Linears.Select(linear => linear.Name.Split('.')[^1]).Distinct();
                throw new ModelException($"lora_target_modules: '{target}' names no linear layer of this model; there are {string.Join(", ", known)}, or {LoraConfig.AllLinear}.");
            }
        }
        foreach (var layer in config.LayersToTransform?.Where(layer => layer < 0 || layer >= model.Config.NumHiddenLayers) ?? [])
        {
            throw new ModelException($"layers_to_transform: there is no layer {layer}; this model has {model.Config.NumHiddenLayers}, counted from 0.");
        }
        return [.. model.Linears.Where(linear => config.Targets(linear.Name))];
    }

    /// <summary>A pattern that fits nothing is a slip, which would train another adapter than was meant.</summary>
    private static void RequirePatternsFit(LoraConfig config, IReadOnlyList<Linear> targets)
    {
        foreach (var pattern in config.RankPattern.Keys)
        {
            if (!targets.Any(linear => new LoraConfig(0, 0, 0, []) { RankPattern = new Dictionary<string, int> { [pattern] = 1 } }.RankOf(linear.Name) == 1))
            {
                throw new ModelException($"rank_pattern: '{pattern}' fits none of the layers that get an adapter, which are called as {targets[0].Name}.");
            }
        }
        foreach (var pattern in config.AlphaPattern.Keys)
        {
            if (!targets.Any(linear => new LoraConfig(1, 0, 0, []) { AlphaPattern = new Dictionary<string, double> { [pattern] = 1 } }.ScaleOf(linear.Name) == 1))
            {
                throw new ModelException($"alpha_pattern: '{pattern}' fits none of the layers that get an adapter, which are called as {targets[0].Name}.");
            }
        }
    }

    /// <summary>
    /// Attaches a fresh pair to every target: A kaiming-uniform(√5), which is uniform(−1/√in, 1/√in); B zero, so that ΔW = BA starts at 0.
    /// DoRA's lengths start as those of W, modules_to_save as the base's. Drawn on the CPU from the seed, so that every device starts alike.
    /// </summary>
    public static void AttachFresh(this LlamaModel model, LoraConfig config, long seed)
    {
        manual_seed(seed);
        var targets = model.TargetsOf(config);
        RequirePatternsFit(config, targets);
        foreach (var linear in targets)
        {
            using var scope = NewDisposeScope();
            var (rank, bound) = (config.RankOf(linear.Name), 1 / Math.Sqrt(linear.InFeatures));
            var a = rand([rank, linear.InFeatures], float32).mul_((2 * bound).Kept()).sub_(bound.Kept()).to(model.Device);
            var b = zeros([linear.OutFeatures, rank], float32, model.Device);
            var pair = new LoraPair(a.DetachFromDisposeScope(), b.DetachFromDisposeScope(), config.ScaleOf(linear.Name), config.LoraDropout);
            linear.Lora = config.UseDora ? pair with { Magnitude = linear.RowNorms(pair).DetachFromDisposeScope() } : pair;
        }
        foreach (var path in config.ModulesToSave.Select(model.PathOfModule))
        {
            model.Train(path, model.WeightOf(path).to_type(float32).clone().DetachFromDisposeScope());
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
                adapter.Config.ScaleOf(layer), adapter.Config.LoraDropout)
            {
                Magnitude = adapter.Magnitudes.TryGetValue(layer, out var magnitude) ? magnitude.to(model.Device, copy: true).DetachFromDisposeScope() : null,
            };
        }
        foreach (var (path, weight) in adapter.Saved)
        {
            model.PathOfModule(path.Split('.')[^1]);
            if (!model.WeightOf(path).shape.SequenceEqual(weight.shape))
            {
                throw new ModelException($"The adapter was made for another base: its {path} is [{string.Join(", ", weight.shape)}], the base's [{string.Join(", ", model.WeightOf(path).shape)}].");
            }
            model.Train(path, weight.to(model.Device, copy: true).DetachFromDisposeScope());
        }
    }

    /// <summary>Copies of what is attached, on the CPU.</summary>
    public static LoraAdapter Detached(this LlamaModel model, LoraConfig config)
    {
        static Tensor Copy(Tensor tensor) => tensor.detach().cpu().clone().DetachFromDisposeScope();
        using var scope = NewDisposeScope();
        var linears = model.Linears.Where(linear => linear.Lora is not null).ToList();
        return new LoraAdapter(config, linears.ToDictionary(linear => linear.Name, linear => (Copy(linear.Lora!.A), Copy(linear.Lora.B))))
        {
            Magnitudes = linears.Where(linear => linear.Lora!.Magnitude is not null).ToDictionary(linear => linear.Name, linear => Copy(linear.Lora!.Magnitude!)),
            Saved = model.TrainedModules().ToDictionary(module => module.Path, module => Copy(module.Weight)),
        };
    }
}
