using LoraAspire.Runtime.Store;

namespace LoraAspire.Lab.RunPages;

/// <summary>The files of published artifacts: only those that a manifest names, and only inside the artifact's folder.</summary>
public static class ArtifactFiles
{
    /// <summary>Bytes of text that are shown on a page; what is larger is downloaded.</summary>
    public const long Readable = 256 * 1024;

    private static readonly string[] Texts = [".md", ".json", ".jsonl", ".txt", ".yaml", ".yml"];

    public static void MapArtifactDownloads(this IEndpointRouteBuilder app) =>
        app.MapGet("/artifacts/{digest:regex(^[0-9a-f]{{64}}$)}/{**path}", (string digest, string path, ArtifactStore store) =>
            Find(store, digest, path) is { } file
                ? Results.File(file, "application/octet-stream", Path.GetFileName(file), enableRangeProcessing: true)
                : Results.Text($"The store holds no file '{path}' in an artifact {digest}.", statusCode: StatusCodes.Status404NotFound));

    /// <summary>The full path of a file that the artifact's manifest names; null when there is none.</summary>
    public static string? Find(ArtifactStore store, string digest, string path)
    {
        if (!store.Holds(digest) || store.Manifest(digest).Files.All(file => file.Path != path))
        {
            return null;
        }
        var folder = store.Folder(digest) + Path.DirectorySeparatorChar;
        var full = Path.GetFullPath(Path.Combine(folder, path));
        return full.StartsWith(Path.GetFullPath(folder), StringComparison.Ordinal)
            && new FileInfo(full).ResolveLinkTarget(returnFinalTarget: true) is null ? full : null;
    }

    public static bool IsReadable(ManifestFile file) => file.Size <= Readable && Texts.Contains(Path.GetExtension(file.Path));

    /// <summary>Where <see cref="MapArtifactDownloads"/> serves the file.</summary>
    public static string Address(string digest, string path) =>
        $"/artifacts/{digest}/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}";
}
