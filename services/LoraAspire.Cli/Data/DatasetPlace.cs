using System.Text.RegularExpressions;
using LoraAspire.Cli.RunCommands;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli.Data;

/// <summary>From what a user types to the folder of a data set.</summary>
internal static partial class DatasetPlace
{
    /// <exception cref="CliException">Nothing of that name, or not one alone.</exception>
    public static async Task<string> FindAsync(string where, string? stage)
    {
        if (Directory.Exists(where))
        {
            return File.Exists(Path.Combine(where, InstructionDataset.FileName)) ? where
                : throw new CliException($"No {InstructionDataset.FileName} in {where}. Name the folder that data-build wrote.",
                    ExitCode.NotFound);
        }
        return await InStoreAsync(where, stage);
    }

    /// <summary>The same of what the store has, whatever folders there are.</summary>
    /// <exception cref="CliException">Nothing of that name, or not one alone.</exception>
    public static async Task<string> InStoreAsync(string where, string? stage)
    {
        ArtifactStore store = new(App.Folders.Store);
        if (Digest().IsMatch(where) && ByDigest(store, where) is { } digest)
        {
            return store.Folder(digest);
        }
        return store.Folder(await OfRunAsync(store, where, stage));
    }

    private static string? ByDigest(ArtifactStore store, string head)
    {
        var objects = Path.Combine(store.Root, "objects");
        var found = Directory.Exists(objects)
            ? Directory.GetDirectories(objects, head + "*").Select(folder => Path.GetFileName(folder)!).ToList() : [];
        return found.Count <= 1 ? found.FirstOrDefault()
            : throw new CliException($"{found.Count} artifacts start with {head}. Give more of the digest.", ExitCode.Usage);
    }

    private static async Task<string> OfRunAsync(ArtifactStore store, string id, string? stage)
    {
        var run = await NamedRun.InsteadAsync(id, $"no folder and no artifact of the store {store.Root}");
        var made = run.Stages.Where(s => s.MayGive(ArtifactKind.Dataset) && (stage is null || s.Id == stage)).ToList();
        return made switch
        {
            [] => throw new CliException(stage is null ? $"No stage of {run.Id} makes a data set."
                : $"{run.Id} has no stage '{Identifiers.Shown(stage)}' that makes a data set.", ExitCode.NotFound),
            [var only] when only.Output(ArtifactKind.Dataset) is { } digest => digest,
            [var only] =>
                throw new CliException($"{only.Id} has made no data set: its status is {only.Status.ToString().ToLowerInvariant()}."),
            _ => throw new CliException(
                $"{made.Count} stages make a data set; choose one by --stage: {string.Join(", ", made.Select(s => s.Id))}."),
        };
    }

    [GeneratedRegex("^[0-9a-f]{8,64}$")]
    private static partial Regex Digest();
}
