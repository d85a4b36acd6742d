using System.Text.RegularExpressions;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime.Stages;

/// <summary>Puts files that somebody sends under the data root, where pipelines find them; never over one that is there.</summary>
public sealed partial class DataUpload(DataRoot root)
{
    /// <summary>Where they lie, under the data root.</summary>
    public const string Folder = "data";

    public const long Largest = 1L << 30;

    /// <summary>Bytes that are taken of one file.</summary>
    public long Most { get; init; } = Largest;

    /// <summary>What data-build reads.</summary>
    public static IReadOnlyList<string> Endings { get; } = [".json", ".jsonl", ".csv", ".tsv", ".parquet", ".gz"];

    /// <param name="name">As the sender calls it.</param>
    /// <returns>The path as a pipeline writes it.</returns>
    /// <exception cref="StageException">The name is none, a file of it is there, or it is too large: nothing was kept.</exception>
    /// <exception cref="IOException">It can't be written.</exception>
    public async Task<string> SaveAsync(string name, Stream content, CancellationToken cancellationToken)
    {
        if (!FileName().IsMatch(name) || !Endings.Contains(Path.GetExtension(name).ToLowerInvariant()))
        {
            throw new StageException($"A data file is called by letters, digits, '-', '_', '.' and spaces, at most 100, and ends in "
                + $"{string.Join(", ", Endings)}. Rename it.");
        }
        var folder = Path.Combine(root.Root, Folder);
        Directory.CreateDirectory(folder);
        if (!RealPath.IsInside(RealPath.Of(folder), RealPath.Of(root.Root)))
        {
            throw new StageException($"{folder} is a link out of the data root: nothing is written there. Make it a folder.");
        }
        var path = Path.Combine(folder, name);
        RequireFree(path, name);
        var part = Path.Combine(folder, $".{Guid.NewGuid():N}.part");
        try
        {
            await WriteAsync(part, content, cancellationToken);
            return Durable.TryName(part, path) ? $"{Folder}/{name}" : throw Taken(name); // another was faster
        }
        finally
        {
            File.Delete(part);
        }
    }

    private async Task WriteAsync(string part, Stream content, CancellationToken cancellationToken)
    {
        await using FileStream file = new(part, FileMode.CreateNew, FileAccess.Write);
        var buffer = new byte[1 << 16];
        while (await content.ReadAsync(buffer, cancellationToken) is > 0 and var read)
        {
            if (file.Length + read > Most)
            {
                throw new StageException($"The file is larger than {DiskSpace.Words(Most)}, more than is taken through a page. Copy it "
                    + "under the data root.");
            }
            await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }
        file.Flush(flushToDisk: true);
    }

    private static void RequireFree(string path, string name)
    {
        if (FileEntry.Find(path, follow: false) is not null)
        {
            throw Taken(name);
        }
    }

    private static StageException Taken(string name) =>
        new($"{Folder}/{name} is there already, and stays as it is. Use it, or send yours under another name.");

    [GeneratedRegex(@"\A[\p{L}\p{Nd}][\p{L}\p{Nd} ._-]{0,99}\z")]
    private static partial Regex FileName();
}
