using LoraAspire.Lab.Languages;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Lab.SubmitPages;

/// <summary>One field of the form beside the pipeline: a value that stands in its text, or the default that holds without it.</summary>
/// <param name="Path">As <see cref="PipelineEdit"/> takes it.</param>
public sealed record UsualValue(string Label, string Stage, string Path, string? Written, string? Default)
{
    public string Shown => Written ?? Default ?? "";

    public bool IsModel => Written?.StartsWith("model:", StringComparison.Ordinal) == true;

    public bool IsFile => Path.EndsWith(".path", StringComparison.Ordinal);

    public bool IsText => IsNeeded;

    /// <summary>No default holds without it.</summary>
    public bool IsNeeded => !Path.StartsWith("with.", StringComparison.Ordinal) || IsFile;
}

/// <summary>The values that are changed most, both ways: the form is read from the text, and writes into it.</summary>
public static class UsualValues
{
    private const string ModelPrefix = "model:";

    /// <summary>In the reader's language.</summary>
    private static (string Label, string Key)[] Training =>
    [
        (Words.Of("Epochs"), "num_epochs"), (Words.Of("Learning rate"), "learning_rate"), (Words.Of("Batch size"), "batch_size"),
        (Words.Of("Rank"), "lora_r"), (Words.Of("Alpha"), "lora_alpha"),
    ];

    /// <summary>
    /// Of the text as it stands, whether or not what it names is there. While it is no pipeline, those that it had before: a slip in one of
    /// them is mended where it was made.
    /// </summary>
    public static IReadOnlyList<UsualValue> Of(string yaml, IReadOnlyList<UsualValue> before) =>
        string.IsNullOrWhiteSpace(yaml) ? []
        : PipelineParser.Parse(yaml, "").Pipeline is { } pipeline ? Of(pipeline, yaml)
        : [.. before.Select(field => PipelineEdit.Get(yaml, field.Stage, "id") is null ? field
            : field with { Written = PipelineEdit.Get(yaml, field.Stage, field.Path) })];

    /// <returns>None without a stage that trains.</returns>
    public static IReadOnlyList<UsualValue> Of(Pipeline pipeline, string yaml)
    {
        if (pipeline.Stages.FirstOrDefault(stage => stage.Kind.Trains) is not { } training)
        {
            return [];
        }
        var data = pipeline.Stages.FirstOrDefault(stage => stage.Kind.Outputs.Any(port => port.Artifact == ArtifactKind.Dataset));
        return
        [
            .. At(Words.Of("Base model"), training, "inputs.base", yaml, needed: true),
            .. data is null ? [] : At(Words.Of("Data file"), data, "with.sources.*.*.path", yaml, needed: true),
            .. Training.SelectMany(one => At(one.Label, training, $"with.{one.Key}", yaml)),
            .. data is null ? [] : At(Words.Of("Longest row, tokens"), data, "with.cutoff_len", yaml),
        ];
    }

    /// <summary>The text with another value, by an empty one without it; null where it has to be changed by hand.</summary>
    public static string? Write(string yaml, UsualValue field, string value) =>
        value.Trim().Length == 0 ? field.IsNeeded ? null : PipelineEdit.Remove(yaml, field.Stage, field.Path["with.".Length..])
        : field.IsModel ? PipelineEdit.SetInputs(yaml, field.Written!,
            $"{ModelPrefix}{(value.StartsWith(ModelPrefix, StringComparison.Ordinal) ? value[ModelPrefix.Length..] : value)}")
        : PipelineEdit.Set(yaml, field.Stage, field.Path, value.Trim());

    private static IEnumerable<UsualValue> At(string label, StageSpec stage, string path, string yaml, bool needed = false)
    {
        var written = PipelineEdit.Get(yaml, stage.Id, path);
        var usual = needed ? null : StageKey.Parameters(stage.With)[path.Split('.')[^1]]?.ToString();
        return written is null && usual is null ? [] : [new(label, stage.Id, path, written, usual)];
    }
}
