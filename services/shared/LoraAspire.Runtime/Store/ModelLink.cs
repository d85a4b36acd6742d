using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Runtime.Store;

/// <summary>A pipeline's newest model by a name that stays from run to run: a link in <see cref="LoraPaths.ModelLinks"/>.</summary>
public static class ModelLink
{
    /// <summary>Leads the pipeline's link to what a run made.</summary>
    /// <returns>The link; null where the run made no model.</returns>
    /// <exception cref="LostArtifactException">The store doesn't hold it; the link leads where it led.</exception>
    /// <exception cref="IOException">Something else has the link's name.</exception>
    public static string? Put(RunState run, LoraPaths folders)
    {
        if (run.Stages.Select(stage => stage.Output(ArtifactKind.Model)).LastOrDefault(digest => digest is not null) is not { } model)
        {
            return null;
        }
        var target = new ArtifactStore(folders.Store).Folder(model);
        Directory.CreateDirectory(folders.ModelLinks);
        var link = Path.Combine(folders.ModelLinks, run.Name);
        if (new DirectoryInfo(link) is { LinkTarget: not null } old)
        {
            old.Delete(); // the link, not the folder it points to
        }
        Directory.CreateSymbolicLink(link, target);
        return link;
    }
}
