using LoraAspire.Model.Adapters;
using LoraAspire.Pipelines;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Evaluator.Asking;

/// <summary>A model that is asked: a folder of its own, or an adapter beside the base.</summary>
/// <param name="Folder">Has weights and tokenizer.</param>
/// <param name="Adapter">A folder; null for what stands in <paramref name="Folder"/> alone.</param>
internal sealed record Contestant(string Name, string Folder, string? Adapter = null)
{
    public const string Model = "model", Base = "base";

    private const string Prefix = "candidates.";

    /// <summary>Base, model, candidates by their names; of a folder of checkpoints each one, the earliest first.</summary>
    /// <param name="inputs">Of the stage: name → folder.</param>
    /// <exception cref="StageException">A candidate has a name that is taken, or is an adapter without a base.</exception>
    public static IReadOnlyList<Contestant> Of(IReadOnlyDictionary<string, string> inputs)
    {
        var before = inputs.GetValueOrDefault(Base);
        // Not in the order written, which is no part of what a stage is known by.
        var candidates = inputs.Where(input => input.Key.StartsWith(Prefix, StringComparison.Ordinal))
            .OrderBy(input => input.Key, StringComparer.Ordinal)
            .SelectMany(input => Named(input.Key[Prefix.Length..], input.Value, before));
        return [.. before is null ? [] : new[] { new Contestant(Base, before) }, new(Model, inputs[Model]), .. candidates];
    }

    private static IEnumerable<Contestant> Named(string name, string folder, string? before)
    {
        if (name is Model or Base)
        {
            throw new StageException($"A candidate can't be called '{name}', as an input is: give it another name.");
        }
        string[] checkpoints = IsAdapter(folder) ? [folder]
            : [.. Directory.EnumerateDirectories(folder).Where(IsAdapter).Order(StringComparer.Ordinal)];
        return checkpoints.Length == 0 ? [new(name, folder)] : checkpoints.Select(adapter => new Contestant(
            adapter == folder ? name : $"{name}/{Identifiers.Shown(Path.GetFileName(adapter))}", before ?? throw new StageException(
                $"The candidate '{name}' is an adapter, and is asked beside its base: add the input base."), adapter));
    }

    private static bool IsAdapter(string folder) => File.Exists(Path.Combine(folder, AdapterConfig.FileName));
}
