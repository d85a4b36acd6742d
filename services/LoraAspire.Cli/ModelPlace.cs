using LoraAspire.Cli.RunCommands;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli;

/// <summary>From what a user types to a model's folder: the folder, a model of the models root, or the run that made one.</summary>
internal static class ModelPlace
{
    /// <exception cref="CliException">It is none of them.</exception>
    public static async Task<string> FindAsync(string given)
    {
        var folders = App.Folders;
        if (Directory.Exists(given))
        {
            return Path.GetFullPath(given);
        }
        if (Identifiers.IsModel(given) && Path.Combine(folders.Models, given) is var model && Directory.Exists(model))
        {
            return model;
        }
        var run = await NamedRun.InsteadAsync(given, $"no folder and no model of {folders.Models}");
        return run.Stages.Select(stage => stage.Output(ArtifactKind.Model)).LastOrDefault(digest => digest is not null) is { } digest
            ? new ArtifactStore(folders.Store).Folder(digest) : throw new CliException($"Run {run.Id} has given no model.");
    }
}
