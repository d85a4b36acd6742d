using LoraAspire.DataBuild.Output;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Model;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild;

/// <summary>What would keep a data set from being built: the base's tokenizer, the prompt template, the first record of a source.</summary>
internal static class DataBuildCheck
{
    public static IEnumerable<Finding> Of(StageCheck<DataBuildParams> given) =>
        [.. Base(given), .. Sources(given, "sources", given.With.Sources), .. Sources(given, "held_out", given.With.HeldOut)];

    /// <summary>Null where counting would take a while, or where a chat model writes records.</summary>
    public static long? Records(StageCheck<DataBuildParams> given)
    {
        const long mostBytes = 128 << 20;
        try
        {
            return given.With.Writer is not null
                || given.With.DataFiles().Sum(name => new FileInfo(given.Data.Resolve(name)).Length) > mostBytes
                ? null
                : new RecordStream(given.With, given.Data, new(), new Progress<StageProgress>(), CancellationToken.None,
                    wholeMessages: true).Read().LongCount(record => record.Dropped is null);
        }
        catch (Exception error) when (error is StageException or ModelException or IOException or UnauthorizedAccessException)
        {
            return null; // a later row is wrong: the run says which
        }
    }

    private static IEnumerable<Finding> Base(StageCheck<DataBuildParams> given) => !given.Inputs.TryGetValue("base", out var folder) ? []
        : ModelCheck.Problems(folder, weights: false).Select(problem => new Finding("base", problem))
            .Concat(Look("prompt_template_name", () => PromptChoice.Of(given.With, folder, given.Data)));

    private static IEnumerable<Finding> Sources(StageCheck<DataBuildParams> given, string key, IReadOnlyList<DataSource> sources)
    {
        SourceContext context =
            new(name => DataFile.Find(given.Data, name), Seed: 0, Written: []) { EmptyOutput = given.With.EmptyOutput };
        return sources.SelectMany((source, i) => Look($"{key}[{i}]",
            () => RecordStream.NotEmpty(source, SourceReader.For(source.Only!).Read(source.Only!, context)).Any()));
    }

    private static IEnumerable<Finding> Look<T>(string key, Func<T> look)
    {
        try
        {
            look();
            return [];
        }
        catch (Exception error) when (error is StageException or ModelException or IOException or UnauthorizedAccessException)
        {
            return [new(key, error.Message)];
        }
    }
}
