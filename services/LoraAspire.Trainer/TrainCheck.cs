using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Trainer;

/// <summary>What would keep a training from starting: a base that can't be loaded, targets that no layer has.</summary>
internal static class TrainCheck
{
    public static IEnumerable<Finding> Of(StageCheck<TrainerParams> given)
    {
        if (!given.Inputs.TryGetValue("base", out var folder))
        {
            return [];
        }
        var full = given.With.FinetuningType == FinetuningType.Full;
        List<Finding> found = [.. ModelCheck.Problems(folder, weights: !full || WeightFiles.Exist(folder), tokenizer: false)
            .Select(problem => new Finding("base", problem))];
        return full || found.Count > 0 ? found : Targets(given.With, ModelCheck.Linears(folder));
    }

    private static IEnumerable<Finding> Targets(TrainerParams with, IReadOnlyList<string> layers)
    {
        foreach (var target in with.LoraTargetModules.Where(target => target != AdapterConfig.AllLinear))
        {
            // lm_head may be tied to the embedding, and then has no tensor of its own.
            if (target != "lm_head" && !layers.Any(layer => layer == target || layer.EndsWith("." + target, StringComparison.Ordinal)))
            {
                yield return new("lora_target_modules", $"no layer of the base is called '{target}': it has "
                    + $"{string.Join(", ", layers.Select(layer => layer.Split('.')[^1]).Distinct())}, or {AdapterConfig.AllLinear}");
            }
        }
    }
}
