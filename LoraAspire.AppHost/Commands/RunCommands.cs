using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.AppHost.Commands;

/// <summary>What Aspire's dashboard and <c>aspire resource coordinator …</c> can ask of the coordinator.</summary>
internal static class RunCommands
{
    private const string Folder = "pipelines";

    public static IResourceBuilder<ProjectResource> WithRunCommands(
        this IResourceBuilder<ProjectResource> coordinator, IResourceBuilder<IResourceWithConnectionString> redis, LoraPaths folders)
    {
        var files = Path.Combine(folders.Data, Folder);
        string[] names = Directory.Exists(files)
            ? [.. Directory.EnumerateFiles(files, "*.yaml").Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)] : [];
        // ASPIREINTERACTION001: arguments of commands may still change.
#pragma warning disable ASPIREINTERACTION001
        return coordinator
            .WithCommand("run-pipeline", "Run a pipeline…", Execute(redis, async (runs, context) =>
            {
                var name = Path.GetFileName(context.Arguments["pipeline"].Value ?? "");
                var run = await runs.SubmitAsync(await PipelineFile.ReadAsync(Path.Combine(files, name), context.CancellationToken),
                    Path.Combine(Folder, name));
                return $"Run {run} is submitted.";
            }), new CommandOptions
            {
                Description = $"Submits a file of {Folder}/.",
                IconName = "Play",
                IsHighlighted = true,
                Arguments =
                [
                    new InteractionInput
                    {
                        Name = "pipeline", Label = "Pipeline", InputType = InputType.Choice, Required = true,
                        Options = [.. names.Select(name => KeyValuePair.Create(name, name))],
                    },
                ],
            })
            .WithCommand("cancel-run", "Cancel a run…", Execute(redis, async (runs, context) =>
            {
                var run = context.Arguments["run"].Value ?? "";
                if (await runs.GetAsync(run) is null)
                {
                    throw new RunCommandException($"There is no run {run}.");
                }
                await runs.CancelAsync(run);
                return $"Run {run} is asked to stop.";
            }), new CommandOptions
            {
                Description = "Stops a run; what its stages finished is kept.",
                IconName = "Stop",
                Arguments = [new InteractionInput { Name = "run", Label = "Run", InputType = InputType.Text, Required = true,
                    Placeholder = "20261126-101500-ab12" }],
            });
#pragma warning restore ASPIREINTERACTION001
    }

    private static Func<ExecuteCommandContext, Task<ExecuteCommandResult>> Execute(
        IResourceBuilder<IResourceWithConnectionString> redis, Func<RunClient, ExecuteCommandContext, Task<string>> command) =>
            async context =>
    {
        try
        {
            await using var connection =
                await ConnectionMultiplexer.ConnectAsync(await redis.Resource.GetConnectionStringAsync(context.CancellationToken) ?? "");
            return CommandResults.Success(await command(new RunClient(connection, new StreamSettings()), context));
        }
        catch (Exception error)
            when (error is RunCommandException or PipelineException or RedisException or IOException or UnauthorizedAccessException)
        {
            return CommandResults.Failure(error.Message);
        }
    };

    private sealed class RunCommandException(string message) : Exception(message);
}
