using System.ComponentModel.DataAnnotations;
using System.Globalization;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Pipelines.Stages;

/// <summary>Sources → a tokenised instruction data set. Option names and defaults are alpaca-lora's.</summary>
public sealed record DataBuildParams : StageParams
{
    /// <summary>Records, in the order written. At least one.</summary>
    public IReadOnlyList<DataSource> Sources { get; init; } = [];

    /// <summary>The names of the prompt templates that come with the application.</summary>
    public static IReadOnlyList<string> BuiltInTemplates { get; } = ["alpaca", "bayling", "plain"];

    /// <summary>What stands in <see cref="PromptTemplateName"/> for the base's own chat template.</summary>
    public const string ChatTemplate = "chat_template";

    /// <summary>What is taken where no name is given and the base brings no chat template, or compat asks for alpaca-lora's rows.</summary>
    public const string UsualTemplate = "alpaca";

    /// <summary>
    /// A built-in name, a template file under the data root (ends in .json), or <c>chat_template</c>, the base's own. Null takes the base's
    /// own where it brings one, else <c>alpaca</c>.
    /// </summary>
    public string? PromptTemplateName { get; init; }

    /// <summary>Longest row in tokens, BOS included; <see cref="Truncation"/> says what becomes of a longer one.</summary>
    [Range(2, 1_048_576, ErrorMessage = "must be 2 (BOS and one to predict) to 1048576 tokens")]
    public int CutoffLen { get; init; } = 256;

    /// <summary>False masks the whole prompt, so that only the answer carries loss.</summary>
    public bool TrainOnInputs { get; init; } = true;

    /// <summary>Only affects how the prompt's length is measured, and only under <c>compat: alpaca-lora</c>.</summary>
    public bool AddEosToken { get; init; }

    /// <summary>What to do with a record whose answer is empty.</summary>
    public EmptyOutput EmptyOutput { get; init; } = EmptyOutput.Keep;

    /// <summary>alpaca-lora reproduces its known defects; none fixes them.</summary>
    public Compat Compat { get; init; } = Compat.None;

    /// <summary>Seed of every draw: samples, templates, order.</summary>
    [Range(int.MinValue, int.MaxValue)]
    public int Seed { get; init; } = 42;

    /// <summary>
    /// What to do with a record that is longer than <see cref="CutoffLen"/>. Null leaves out a record whose answer is too long (cut, it
    /// would never learn to stop), and stops at one whose prompt alone fills the cutoff; under <c>compat: alpaca-lora</c> it cuts, as the
    /// original does.
    /// </summary>
    public Truncation? Truncation { get; init; }

    /// <summary>What to do with a record in which a <c>{{placeholder}}</c> was never filled in.</summary>
    public UnfilledPlaceholders UnfilledPlaceholders { get; init; } = UnfilledPlaceholders.Error;

    /// <summary>Which records are left out because another says the same.</summary>
    public DedupParams Dedup { get; init; } = new();

    /// <summary>Records that the model will be measured on: they are not written, and what repeats one of them is dropped.</summary>
    public IReadOnlyList<DataSource> HeldOut { get; init; } = [];

    /// <summary>The chat model that writes what sources ask for by <c>written</c>. Null when none does.</summary>
    public WriterParams? Writer { get; init; }

    /// <summary>More requests, or another place for the key, write the same data.</summary>
    public override IEnumerable<string> PolicyKeys() => ["writer.max_requests", "writer.api_key_env"];

    public override IEnumerable<string> DataFiles()
    {
        if (IsTemplateFile)
        {
            yield return PromptTemplateName!;
        }
        foreach (var file in Sources.Concat(HeldOut).SelectMany(source => source.Files()))
        {
            yield return file;
        }
    }

    private bool IsTemplateFile => PromptTemplateName?.EndsWith(".json", StringComparison.Ordinal) is true;

    public override IEnumerable<(string Key, string Problem)> Validate()
    {
        if (!IsTemplateFile && PromptTemplateName is not (null or ChatTemplate) && !BuiltInTemplates.Contains(PromptTemplateName))
        {
            yield return ("prompt_template_name",
                $"knows no '{PromptTemplateName}': there are {string.Join(", ", BuiltInTemplates)}, {ChatTemplate} (the base's own), or "
                    + "name a template file of your own, which ends in .json");
        }
        if (PromptTemplateName == ChatTemplate && Compat == Compat.AlpacaLora)
        {
            yield return ("prompt_template_name", "alpaca-lora knows no chat template: leave compat out, or name alpaca");
        }
        if (Sources.Count == 0)
        {
            yield return ("sources", $"needs at least one source: {SourceKinds.Names}");
        }
        foreach (var (key, source) in Sources.Select((source, i) => ($"sources[{i}]", source))
            .Concat(HeldOut.Select((source, i) => ($"held_out[{i}]", source))))
        {
            if (source.Problem() is { } problem)
            {
                yield return (key, problem);
            }
        }
        if (ShareProblem() is { } share)
        {
            yield return ("sources", share);
        }
        if (Writer is null && Sources.Any(source => source.Only?.AskedFor > 0))
        {
            yield return ("writer",
                "a source asks for written items, but no chat model is named to write them: add writer with provider and model");
        }
        if (HeldOut.Any(source => source.Only?.AskedFor > 0))
        {
            yield return ("held_out", "what a model is measured on isn't written by a chat model: remove written");
        }
        foreach (var (i, source) in HeldOut.Index())
        {
            if (source.Only is { Sample: not null } or { Share: not null } or { Weight: not null } or { Repeat: > 1 })
            {
                yield return ($"held_out[{i}]", "every record of it is held out: remove sample, share, weight and repeat");
            }
        }
        if (Writer?.Problem() is { } wrong)
        {
            yield return ("writer", wrong);
        }
    }

    private string? ShareProblem()
    {
        const double tolerance = 1e-9; // 0.1 + 0.2 + 0.7
        var shares = Sources.Sum(source => source.Only?.Share ?? 0);
        return shares == 0 ? null
            : Sources.All(source => source.Only?.Share is not null)
                ? Math.Abs(shares - 1) > tolerance ? string.Create(CultureInfo.InvariantCulture,
                    $"every source has a share, and they add up to {shares:0.####}, not to 1") : null
            : shares > 1 - tolerance ? string.Create(CultureInfo.InvariantCulture,
                $"the shares add up to {shares:0.####}, which leaves nothing for the sources without one")
            : null;
    }
}

public enum Compat { None, AlpacaLora }

public enum EmptyOutput { Keep, Skip, Error }

public enum Truncation { Cut, Drop, Error }

public enum UnfilledPlaceholders { Error, Skip, Keep }
