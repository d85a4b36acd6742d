using System.IO.Compression;
using LoraAspire.Runtime.Store;
using Microsoft.AspNetCore.Http.Features;

namespace LoraAspire.Lab.RunPages;

/// <summary>The files of published artifacts: only those that a manifest names, and only inside the artifact's folder.</summary>
public static class ArtifactFiles
{
    /// <summary>Bytes of text that are shown on a page; what is larger is downloaded.</summary>
    public const long Readable = 256 * 1024;

    /// <summary>What only stands beside the files that one looks for.</summary>
    private const long Small = 64 * 1024;

    /// <summary>A picture loads nothing and runs nothing, whatever stands in it and however it is opened.</summary>
    private const string PictureSecurity = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

    private static readonly string[] s_texts = [".md", ".json", ".jsonl", ".txt", ".yaml", ".yml"];
    private static readonly string[] s_weights = [".safetensors", ".gguf"];

    public static void MapArtifactDownloads(this IEndpointRouteBuilder app)
    {
        app.MapGet("/artifacts/{digest:regex(^[0-9a-f]{{64}}$)}/{**path}", (string digest, string path, ArtifactStore store) =>
            Find(store, digest, path) is { } file
                ? Results.File(file, "application/octet-stream", Path.GetFileName(file), enableRangeProcessing: true)
                : Missing(digest, path));
        app.MapGet("/pictures/{digest:regex(^[0-9a-f]{{64}}$)}/{**path}",
            (string digest, string path, ArtifactStore store, HttpContext context) =>
        {
            if (!IsPicture(path) || Find(store, digest, path) is not { } file)
            {
                return Missing(digest, path);
            }
            context.Response.Headers.ContentSecurityPolicy = PictureSecurity;
            return Results.File(file, path.EndsWith(".svg", StringComparison.Ordinal) ? "image/svg+xml" : "image/png");
        });
        app.MapGet("/artifacts/{digest:regex(^[0-9a-f]{{64}}$)}.zip", (string digest, ArtifactStore store, HttpContext context) =>
        {
            if (!store.Holds(digest))
            {
                return Missing(digest, "");
            }
            // The end of an entry, some bytes, is written by its Dispose; the files themselves are not.
            context.Features.GetRequiredFeature<IHttpBodyControlFeature>().AllowSynchronousIO = true;
            return Results.Stream(body => PackAsync(store, digest, body), "application/zip", $"{Live.Spell.Digest(digest)}.zip");
        });
    }

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

    public static bool IsReadable(ManifestFile file) =>
        file.Size <= Readable && (s_texts.Contains(Path.GetExtension(file.Path)) || IsPicture(file.Path));

    public static bool IsMarkdown(string path) => Path.GetExtension(path) == ".md";

    public static bool IsPicture(string path) => Path.GetExtension(path) is ".svg" or ".png";

    /// <summary>Weights first, then what is read, then the rest.</summary>
    public static IEnumerable<ManifestFile> Ordered(Manifest manifest) => manifest.Files
        .OrderBy(file => s_weights.Contains(Path.GetExtension(file.Path)) ? 0 : IsMarkdown(file.Path) || IsPicture(file.Path) ? 1 : 2)
        .ThenByDescending(file => file.Size).ThenBy(file => file.Path, StringComparer.Ordinal);

    /// <summary>Shown only when asked for.</summary>
    public static bool IsMinor(ManifestFile file) => file.Size < Small && !IsMarkdown(file.Path) && !IsPicture(file.Path)
        && !s_weights.Contains(Path.GetExtension(file.Path));

    /// <summary>Where <see cref="MapArtifactDownloads"/> serves the file.</summary>
    public static string Address(string digest, string path) => $"/artifacts/{digest}/{Escaped(path)}";

    /// <summary>Where it is served to be looked at.</summary>
    public static string PictureAddress(string digest, string path) => $"/pictures/{digest}/{Escaped(path)}";

    public static string ZipAddress(string digest) => $"/artifacts/{digest}.zip";

    private static string Escaped(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));

    private static IResult Missing(string digest, string path) =>
        Results.Text($"The store holds no file '{path}' in an artifact {digest}.", statusCode: StatusCodes.Status404NotFound);

    /// <summary>As it is sent, so that an artifact of any size needs no room; weights are as small as they get already.</summary>
    private static async Task PackAsync(ArtifactStore store, string digest, Stream body)
    {
        await using var zip = await ZipArchive.CreateAsync(body, ZipArchiveMode.Create, leaveOpen: true, entryNameEncoding: null);
        foreach (var path in store.Manifest(digest).Files.Select(file => file.Path))
        {
            if (Find(store, digest, path) is { } file)
            {
                await using var from = File.OpenRead(file);
                await using var to = await zip.CreateEntry(path,
                    s_weights.Contains(Path.GetExtension(path)) ? CompressionLevel.NoCompression : CompressionLevel.Fastest).OpenAsync();
                await from.CopyToAsync(to);
            }
        }
    }
}
