using System.Globalization;
using System.Text.RegularExpressions;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Merger;

/// <summary>
/// Whether an adapter was trained on this base: by the digest of the weights where its files hold one, else by the base's depth. Names and
/// shapes of its layers are held to the base's by <see cref="MergePlan"/>.
/// </summary>
internal static partial class BaseCheck
{
    private const string Override = "Where it is the same model saved otherwise, require_base: false merges all the same.";

    /// <exception cref="ModelException">It was trained on another.</exception>
    public static void Require(StageContext<MergerParams> context, IReadOnlyList<Adapter> adapters, CancellationToken cancellationToken)
    {
        var folder = context.Inputs["base"];
        if (ModelFiles.QuantizationOf(folder) is { } method)
        {
            throw new ModelException($"The base {folder} is quantised ({method}), and an adapter can't be merged into rounded weights "
                + "without rounding it away: give the model that it was quantised from, also where the adapter was trained on quantised "
                + "weights.");
        }
        var isSaid = adapters.Any(adapter => adapter.BaseDigests is not null);
        var given = isSaid ? BaseDigests.Of(folder, files => context.DigestsOf("base", files, cancellationToken)) : null;
        var deepest = adapters.All(adapter => adapter.BaseDigests is not null) ? null : DepthOf(folder);
        foreach (var adapter in adapters)
        {
            var problem = adapter.BaseDigests is { } digests ? OtherWeights(adapter, digests, folder, given!)
                : OtherDepth(adapter, folder, deepest);
            if (problem is not null && context.With.RequireBase)
            {
                throw new ModelException($"{problem} {Override}");
            }
            if (problem is not null)
            {
                context.Report.Report(new StageProgress(Message: $"{problem} It is merged all the same (require_base: false)."));
            }
            if (adapter.BaseDigests is { } known && known.Tokenizer != given!.Tokenizer)
            {
                context.Report.Report(new StageProgress(Message: $"The tokenizer files of {folder} are not those of the adapter's training "
                    + $"(SHA-256 {given.Tokenizer}, in training {known.Tokenizer}). The merged model gets the base's: where these number "
                    + "words otherwise, it answers nonsense."));
            }
        }
    }

    private static string? OtherWeights(Adapter adapter, BaseDigests digests, string folder, BaseDigests given) =>
        digests.Weights == given.Weights ? null
            : $"The adapter was trained on another base: the SHA-256 of its weights is {digests.Weights}, that of {folder} is "
                + $"{given.Weights}. Give the base of the training{NameOf(adapter)}.";

    /// <summary>
    /// Layers beyond the adapter's last one: it would leave a part of the base as it was. Where its settings choose layers, that is meant.
    /// </summary>
    private static string? OtherDepth(Adapter adapter, string folder, int? deepest)
    {
        var last = adapter.Layers.Keys.Select(Depth).Max();
        return last is null || deepest <= last || adapter.Config.LayersToTransform is not null
            || !adapter.Config.TargetModules.All(target => InEveryLayer().IsMatch(target)) ? null
            : $"The adapter was made for another base: it ends with layer {last}, and {folder} with layer {deepest} (counted from 0), and "
                + $"its {AdapterConfig.FileName} has no layers_to_transform. Give the base of the training{NameOf(adapter)}.";
    }

    /// <summary>The last layer of a base, counted from 0.</summary>
    private static int? DepthOf(string folder)
    {
        using var weights = WeightFiles.Open(folder);
        return weights.Tensors.Select(tensor => Depth(tensor.Name)).Max();
    }

    private static string NameOf(Adapter adapter) =>
        adapter.Config.BaseModelNameOrPath is { Length: > 0 } name ? $", which was called {name} there" : "";

    private static int? Depth(string path) => LayerIndex().Match(path) is { Success: true } found
        && int.TryParse(found.Groups[1].ValueSpan, CultureInfo.InvariantCulture, out var index) ? index : null;

    [GeneratedRegex(@"\.layers\.([0-9]+)\.")]
    private static partial Regex LayerIndex();

    /// <summary>A target that is in each layer, as q_proj or mlp.up_proj; a path has a number in it, and an expression more.</summary>
    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*\z")]
    private static partial Regex InEveryLayer();
}
