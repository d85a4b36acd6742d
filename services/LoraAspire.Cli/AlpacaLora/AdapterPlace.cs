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
        var run = await NamedRun.InsteadAsync(given, "no folder");
        return run.Stages.Select(stage => stage.Output(ArtifactKind.Adapter)).LastOrDefault(digest => digest is not null) is { } digest
            ? new ArtifactStore(App.Folders.Store).Folder(digest) : throw new CliException($"Run {run.Id} has given no adapter.");
    }
}
