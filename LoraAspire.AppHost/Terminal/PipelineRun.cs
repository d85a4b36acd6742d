using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using LoraAspire.Terminal;
using StackExchange.Redis;

namespace LoraAspire.AppHost.Terminal;

/// <summary>One pipeline, from its file to its result in the terminal.</summary>
internal sealed class PipelineRun(ParsedPipeline pipeline)
{
    private static readonly TimeSpan s_cancelPatience = TimeSpan.FromSeconds(6);

    /// <summary>Reads and validates the file; says everything that is wrong with it, and with the files it names, at once.</summary>
    /// <returns>Null when it cannot be run.</returns>
    public static async Task<PipelineRun?> CheckAsync(FileInfo file, LoraPaths folders, CancellationToken cancellationToken)
    {
        var name = Path.GetRelativePath(Directory.GetCurrentDirectory(), file.FullName);
        var yaml = await PipelineFile.ReadAsync(file.FullName, cancellationToken);
        var parsed = PipelineParser.Parse(yaml, name, new ContentDigests(folders).References);
        foreach (var note in parsed.Notes)
        {
            Console.Error.WriteLine($"note: {note}");
        }
        foreach (var error in parsed.Errors)
        {
            Console.Error.WriteLine(error);
        }
        return parsed.Pipeline is null ? null : new PipelineRun(parsed);
    }

    /// <summary>Submits the run, shows it to its end, and prints what came of it. When stopped before that, the run is cancelled.</summary>
    /// <returns>Whether it succeeded.</returns>
    public async Task<bool> RunAsync(string redis, LoraPaths folders, CancellationToken stopping)
    {
        using IConnectionMultiplexer connection = LoraRuntime.Connect(redis);
        var runs = new RunClient(connection, new StreamSettings());
        var id = await runs.SubmitAsync(pipeline);
        try
        {
            var state = await FollowedRun.ShowAsync(runs, id, stopping);
            RunSummary.Print(state, folders);
            return state.Status == RunStatus.Succeeded;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            Screen.Note($"Stopping: run {id} is being cancelled...");
            await CancelAsync(runs, id);
            Console.Error.WriteLine($"Run {id} is cancelled. What its stages finished is kept, and the same command goes on from there.");
            throw;
        }
    }

    /// <summary>
    /// Returns when the run is over, or when the coordinator had its time: what it didn't get to, it does at the next start.
    /// </summary>
    private static async Task CancelAsync(RunClient runs, string id)
    {
        await runs.CancelAsync(id);
        using var late = new CancellationTokenSource(s_cancelPatience);
        try
        {
            await foreach (var _ in runs.WatchAsync(id, late.Token))
            {
            }
        }
        catch (OperationCanceledException)
        {
            Screen.Warn($"Run {id} did not end within {s_cancelPatience.TotalSeconds:0} s; its cancellation is kept for the next start.");
        }
    }
}
