using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Quantised;
using static TorchSharp.torch;

namespace LoraAspire.Model.Adapters;

/// <summary>Attaching adapters to a model: fresh ones to train, loaded ones to run.</summary>
public static class ModelAdapters
{
    /// <summary>The layers an adapter's settings name, in the model's order.</summary>
    /// <exception cref="ModelException">A target that names no layer.</exception>
    private static IReadOnlyList<Linear> TargetsOf(this LlamaModel model, AdapterConfig config)
    {
        foreach (var target in config.TargetModules.Where(target => target != AdapterConfig.AllLinear))
        {
            if (!model.Linears.Any(linear => (config with { TargetModules = [target], LayersToTransform = null }).Targets(linear.Name)))
            {
                var known = model.Linears.Select(linear => linear.Name.Split('.')[^1]).Distinct();
                throw new ModelException($"lora_target_modules: '{target}' matches no linear layer of this model, which "
                    + $"has {string.Join(", ", known)}, or {AdapterConfig.AllLinear}.");
            }
        }
        foreach (var layer in config.LayersToTransform?.Where(layer => layer < 0 || layer >= model.Config.NumHiddenLayers) ?? [])
        {
            throw new ModelException(
                $"layers_to_transform: there is no layer {layer}; this model has {model.Config.NumHiddenLayers}, counted from 0.");
        }
        return [.. model.Linears.Where(linear => config.Targets(linear.Name))];
    }

    /// <summary>
    /// Attaches to every target what its kind starts with, and to modules_to_save the base's weights. Drawn from the seed on the CPU, so
    /// that every device starts alike.
    /// </summary>
    public static void AttachFresh(this LlamaModel model, AdapterConfig config, long seed)
    {
        manual_seed(seed);
        var targets = model.TargetsOf(config);
        config.RequireFits([.. targets.Select(linear => linear.Name)]);
        foreach (var linear in targets)
        {
            RequireWhole(linear);
            using var scope = NewDisposeScope();
            linear.Attach(LayerAdapter.Of(config, linear.Name,
                [.. config.Kind.Fresh(linear, config).Select(tensor => tensor.DetachFromDisposeScope())]));
        }
        foreach (var path in config.ModulesToSave.Select(model.PathOfModule))
        {
            model.Train(path, model.WeightOf(path).to_type(float32).clone().DetachFromDisposeScope());
        }
    }

    /// <summary>
    /// Attaches a copy of a loaded adapter. Where its start is taken out of the base, the layers' weights lose it for good.
    /// </summary>
    /// <exception cref="ModelException">The adapter names a layer the model lacks, or one of another shape; or the base isn't whole any
    /// more.</exception>
    public static void Attach(this LlamaModel model, Adapter adapter)
    {
        Tensor Copy(Tensor tensor) => tensor.to(model.Device, copy: true).DetachFromDisposeScope();
        var linears = model.Linears.ToDictionary(linear => linear.Name);
        foreach (var (layer, own) in adapter.Layers)
        {
            if (!linears.TryGetValue(layer, out var linear))
            {
                throw AdapterRefusal.NoLayer(layer, model.Config.TieWordEmbeddings);
            }
            linear.Attach(adapter, own);
        }
        foreach (var (path, weight) in adapter.Saved)
        {
            model.PathOfModule(path.Split('.')[^1]);
            if (!model.WeightOf(path).shape.SequenceEqual(weight.shape))
            {
                throw AdapterRefusal.OtherShape(path, model.WeightOf(path).shape, weight.shape.Cast<long?>());
            }
            model.Train(path, Copy(weight));
        }
    }

    /// <summary>A copy of what the adapter has for this layer.</summary>
    internal static void Attach(this Linear linear, Adapter adapter, LayerAdapter own)
    {
        own.RequireFits(linear.Name, [linear.OutFeatures, linear.InFeatures]);
        RequireWhole(linear);
        linear.Attach(own.With(tensor => tensor.to(linear.Device, copy: true).DetachFromDisposeScope()));
        if (adapter.Config.Start.ChangesBase)
        {
            if (linear.Quantised is not null)
            {
                throw new ModelException($"The adapter's start ({adapter.Config.Start.Name}) is taken out of the base's weights, and this "
                    + "base is quantised: give the unquantised one.");
            }
            using var scope = NewDisposeScope();
            linear.KeepResidual(adapter.Residual(linear.Name, linear.Weight).DetachFromDisposeScope());
        }
    }

    private static void RequireWhole(Linear linear)
    {
        if (linear.IsResidual)
        {
            throw new ModelException($"{linear.Name} lost the start of an adapter (init_lora_weights) that was attached before: load the "
                + "base again to attach another.");
        }
    }

    /// <summary>Copies of what is attached, on the CPU.</summary>
    public static Adapter Detached(this LlamaModel model, AdapterConfig config)
    {
        static Tensor Copy(Tensor tensor) => tensor.detach().cpu().clone().DetachFromDisposeScope();
        using var scope = NewDisposeScope();
        return new Adapter(config, model.Linears.Where(linear => linear.Adapter is not null)
            .ToDictionary(linear => linear.Name, linear => linear.Adapter!.With(Copy)))
        {
            Saved = model.TrainedModules().ToDictionary(module => module.Path, module => Copy(module.Weight)),
            TrainedOn = model.HeldIn?.Word(),
        };
    }
}
