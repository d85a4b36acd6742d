using LoraAspire.Cli.RunCommands;
using LoraAspire.Model.Adapters;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli.AlpacaLora;

/// <summary>What --lora_weights means: an adapter's folder, or the run that trained one.</summary>
internal static class AdapterPlace
{
    /// <exception cref="CliException">It is neither.</exception>
    public static async Task<string> FindAsync(string given)
    {
        if (Directory.Exists(given))
        {
            return File.Exists(Path.Combine(given, AdapterConfig.FileName)) ? Path.GetFullPath(given)
                : throw new CliException($"No {AdapterConfig.FileName} in {given}: it is no adapter's folder.", ExitCode.NotFound);
        }
        try
        {
            var run = await NamedRun.FindAsync(await App.ConnectAsync(), given);
            return run.Stages.Select(stage => stage.Output(ArtifactKind.Adapter)).LastOrDefault(digest => digest is not null) is { } digest
                ? new ArtifactStore(App.Folders.Store).Folder(digest)
                : throw new CliException($"Run {run.Id} has given no adapter.", ExitCode.Failed);
        }
        catch (CliException missing) when (missing.Code is ExitCode.NotFound or ExitCode.NotRunning)
        {
            throw new CliException($"{given} is no folder, so it could be a run. {missing.Message}", missing.Code);
        }
    }
}
