using System.Globalization;
using System.Text;
using System.Text.Json;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Trainer.Card;

/// <summary>
/// README.md beside the weights, with loss.svg: what this is, how to load it, what it was made from and how it went. It holds no times and
/// no speeds, so that equal runs give equal artifacts.
/// </summary>
internal sealed record RunCard(TrainerParams Settings, RunOrigin Origin, Outcome Outcome, IReadOnlyList<Sample> Samples)
{
    public const string FileName = "README.md";

    private static readonly JsonSerializerOptions Indented = new(StageKey.ParamsJson) { WriteIndented = true };

    private bool IsLora => Settings.FinetuningType == FinetuningType.Lora;

    public void Save(string folder)
    {
        File.WriteAllText(Path.Combine(folder, LossCurve.FileName), LossCurve.Draw(Outcome.Steps));
        File.WriteAllText(Path.Combine(folder, FileName), ToMarkdown());
    }

    public string ToMarkdown()
    {
        var text = new StringBuilder();
        text.Append(IsLora
            ? $"---\nbase_model: {Origin.Base}\nlibrary_name: peft\ntags: [lora]\n---\n\n# LoRA adapter for {Origin.Base}\n\n"
            : $"# Model trained from {Origin.Base}\n\n");
        text.Append(CultureInfo.InvariantCulture,
            $"{Outcome.TrainedParameters:N0} parameters trained on {Outcome.Rows:N0} rows, {Outcome.HeldOut:N0} held out, "
            + $"by LoraAspire{(Origin.Commit is null ? "" : $" at commit {Origin.Commit}")}.\n\n");
        text.Append("## Loading it\n\n").Append(IsLora ? Loading : LoadingModel);
        text.Append("\n## How it went\n\n![Loss over optimiser steps](loss.svg)\n\n| | |\n| --- | --- |\n");
        foreach (var (name, value) in Figures())
        {
            text.Append(Line($"| {name} | {value} |\n"));
        }
        text.Append("\nEach step's figures are in `metrics.jsonl`.")
            .Append(Settings.SampleAnswers && Samples.Count > 0 ? " What it answered on the way is in `samples.jsonl`.\n" : "\n");
        if (Samples.Count > 0)
        {
            text.Append("\n## Held-out prompts\n\nGreedy decoding, cut after a few dozen tokens.\n");
            foreach (var sample in Samples)
            {
                text.Append('\n')
                    .Append(Fenced($"{sample.Prompt}\n\n--- answered\n{sample.Answer}\n\n--- in the data\n{sample.Expected}", "text"));
            }
        }
        text.Append("\n## Made from\n\n| | SHA-256 |\n| --- | --- |\n");
        foreach (var (what, sha256) in Origin.Digests)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {what.Replace("|", "\\|", StringComparison.Ordinal)} | `{sha256}` |\n");
        }
        return text.Append("\n## Settings\n\n").Append(Fenced(StageKey.Parameters(Settings).ToJsonString(Indented), "json")).ToString();
    }

    private string Loading => $"""
        With PEFT, this folder as `ADAPTER`:

        ```python
        from peft import PeftModel
        from transformers import AutoModelForCausalLM
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("{Origin.Base}"), "ADAPTER")
        ```

        With LoraAspire, a stage `uses: merger` with `inputs: {"{"} base: model:{Origin.Base}, adapter: tune.adapter {"}"}` writes base and adapter as one Hugging Face folder, and a stage `uses: chat`
        puts that behind the chat page. Prompts are to be written with `prompt_template.json`, as in training.

        """;

    private const string LoadingModel = """
        It is a Hugging Face folder: `AutoModelForCausalLM.from_pretrained` takes it, and so does a stage `uses: chat` or the `base` of another `trainer`.
        Prompts are to be written with `prompt_template.json`, as in training.

        """;

    private IEnumerable<(string Name, string Value)> Figures()
    {
        yield return ("steps", Line($"{Outcome.End.Step:N0}"));
        if (Outcome.Devices > 1)
        {
            yield return ("devices", Line($"{Outcome.Devices}{(Settings.ShardBase ? ", the base shared among them" : "")}"));
        }
        yield return ("tokens", Line($"{Outcome.End.Tokens:N0}"));
        if (Origin.HeldIn is { } format)
        {
            yield return ("base's linear layers while it was trained", $"in {format.Word()}");
        }
        yield return ("loss, first step", Line($"{Outcome.Steps[0].Loss:0.0000}"));
        yield return ("loss, smoothed, last step", Line($"{Outcome.End.Smoothed:0.0000}"));
        if (Outcome.End is { BestEvalLoss: { } loss, BestStep: { } step })
        {
            yield return ("validation loss, lowest", Line($"{loss:0.0000} at step {step}"));
            yield return ("weights of step", Line($"{(Settings.LoadBestModelAtEnd ? step : Outcome.End.Step)}"));
        }
    }

    private static string Fenced(string content, string language)
    {
        // A fence longer than any run of backticks in the content keeps it inside.
        var fence = "```";
        while (content.Contains(fence, StringComparison.Ordinal))
        {
            fence += "`";
        }
        return $"{fence}{language}\n{content}\n{fence}\n";
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What a run started from.</summary>
/// <param name="Base">The base's name.</param>
/// <param name="Commit">Of the project's folder; null when it is no repository.</param>
internal sealed record RunOrigin(string Base, string? Commit, IReadOnlyList<(string What, string Sha256)> Digests)
{
    /// <summary>What the base's linear layers were quantised to; null where they were numbers.</summary>
    public BaseFormat? HeldIn { get; init; }
}

/// <summary>How a run went.</summary>
internal sealed record Outcome(TrainingState End, IReadOnlyList<StepMetrics> Steps, long TrainedParameters, int Rows, int HeldOut,
    int Devices = 1);
