using LoraAspire.Pipelines;
using LoraAspire.Runtime;

namespace LoraAspire.Cli.AlpacaLora;

/// <summary>The pipeline that flags of finetune.py mean.</summary>
/// <param name="Notes">What became of flags that have no setting.</param>
internal sealed record FinetunePipeline(string Name, string Yaml, IReadOnlyList<string> Notes)
{
    /// <summary>What output_dir is where it isn't given.</summary>
    private const string UsualName = "lora-alpaca";

    /// <exception cref="CliException">The base or the data isn't named, or isn't there.</exception>
    public static FinetunePipeline Of(IReadOnlyDictionary<string, string> flags, string? name, LoraPaths folders)
    {
        var named = name ?? NameOf(flags.TryGetValue(FinetuneFlags.OutputDir, out var folder) ? FireArguments.Text(folder) : "");
        var model = FoundBase.Name(Needed(flags, FinetuneFlags.BaseModel, "a folder under the models root"), folders);
        var path = FoundData.Path(Needed(flags, FinetuneFlags.DataPath, "a file of records with instruction, input and output"), folders);
        var given = $"base: {Scalar("model:" + model)}";
        List<string> lines =
        [
            "# Written by `lora finetune` of alpaca-lora's flags. `lora run` takes it from here; every other setting may be added.",
            $"name: {named}",
            "stages:",
            "  - id: data",
            "    uses: data-build",
            $"    inputs: {{ {given} }}",
            "    with:",
            // finetune.py's template where none is named; a pipeline would take the base's own.
            .. flags.ContainsKey(FinetuneFlags.Template) ? [] : new[] { $"      {FinetuneFlags.Template}: {FinetuneFlags.UsualTemplate}" },
            .. Settings(flags, FinetuneFlags.Data),
            "      sources:",
            $"        - alpaca: {{ path: {Scalar(path)} }}",
            "  - id: tune",
            "    uses: trainer",
            $"    inputs: {{ dataset: data.dataset, {given} }}",
        ];
        var settings = Settings(flags, FinetuneFlags.Trainer);
        lines.AddRange(settings.Count == 0 ? settings : settings.Prepend("    with:"));
        lines.Add("    retries: 1");
        if (flags.GetValueOrDefault("finetuning_type") != "full")
        {
            lines.AddRange(["  - id: merge", "    uses: merger", $"    inputs: {{ {given}, adapter: tune.adapter }}"]);
        }
        return new(named, string.Join('\n', lines) + "\n", [.. NotesOn(flags)]);
    }

    private static List<string> Settings(IReadOnlyDictionary<string, string> flags, IEnumerable<string> keys) =>
        [.. keys.Where(flags.ContainsKey).Select(key => $"      {key}: {flags[key]}")];

    private static string Scalar(string text) => FireArguments.ToYaml(text)!;

    private static string Needed(IReadOnlyDictionary<string, string> flags, string name, string what) =>
        flags.TryGetValue(name, out var value) && FireArguments.Text(value) is { Length: > 0 } text ? text
            : throw new CliException($"--{name} is missing: name {what}.", ExitCode.Usage);

    private static string NameOf(string folder) =>
        Identifiers.LastPart(folder) is var name && Identifiers.IsPipeline(name) ? name : UsualName;

    private static IEnumerable<string> NotesOn(IReadOnlyDictionary<string, string> flags)
    {
        foreach (var flag in flags.Keys)
        {
            if (flag.StartsWith("wandb_", StringComparison.Ordinal))
            {
                yield return $"--{flag} is not needed: the lab shows the run's curves, `lora show` and `lora compare` its figures.";
            }
        }
        if (flags.ContainsKey(FinetuneFlags.OutputDir))
        {
            yield return $"--{FinetuneFlags.OutputDir} names the pipeline: what it makes lies in the store, and `lora show` says where.";
        }
        if (flags.ContainsKey(FinetuneFlags.Resume))
        {
            yield return $"--{FinetuneFlags.Resume} is not needed: a trainer goes on from its own last checkpoint, and from no other.";
        }
    }
}
