using LoraAspire.DataBuild.Sources;
using LoraAspire.Model;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild;

/// <summary>What would keep a data set from being built: the base's tokenizer, and the first record of each source.</summary>
internal static class DataBuildCheck
{
    public static IEnumerable<Finding> Of(StageCheck<DataBuildParams> given)
    {
        var model = given.Inputs.TryGetValue("base", out var folder)
            ? ModelCheck.Problems(folder, weights: false).Select(problem => new Finding("base", problem)) : [];
        return [.. model, .. Sources(given, "sources", given.With.Sources), .. Sources(given, "held_out", given.With.HeldOut)];
    }

    /// <summary>Null where counting would take a while, or where a chat model writes records.</summary>
    public static long? Records(StageCheck<DataBuildParams> given)
    {
        const long mostBytes = 128 << 20;
        try
        {
            return given.With.Writer is not null
                || given.With.DataFiles().Sum(name => new FileInfo(given.Data.Resolve(name)).Length) > mostBytes
                ? null
                : new RecordStream(given.With, given.Data, new(), new Progress<StageProgress>(), CancellationToken.None).Read()
                    .LongCount(record => record.Dropped is null);
        }
        catch (Exception error) when (error is StageException or ModelException or IOException or UnauthorizedAccessException)
        {
            return null; // a later row is wrong: the run says which
        }
    }

    private static IEnumerable<Finding> Sources(StageCheck<DataBuildParams> given, string key, IReadOnlyList<DataSource> sources) =>
        sources.Select((source, i) => Problem(source, given.Data) is { } problem ? new Finding($"{key}[{i}]", problem) : null)
            .OfType<Finding>();

    private static string? Problem(DataSource source, DataRoot data)
    {
        try
        {
            var context = new SourceContext(name => DataFile.Find(data, name), Seed: 0, Written: []);
            // A source that a chat model writes for may have nothing of its own.
            var reader = SourceReader.For(source.Only!);
            return reader.Read(source.Only!, context).Any() || reader.Asked(source.Only!, context).Any() ? null
                : $"{source.Name}: holds no record. Look at the file, or remove the source.";
        }
        catch (Exception error) when (error is StageException or ModelException or IOException or UnauthorizedAccessException)
        {
            return error.Message;
        }
    }
}
