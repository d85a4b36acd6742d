using System.IO.Compression;

namespace LoraAspire.Model.Export;

/// <summary>
/// A folder of files as one zip file. Weights hardly get smaller, so that nothing is compressed; equal files give equal bytes.
/// </summary>
internal static class ExportArchive
{
    /// <summary>The first day that a zip file can say.</summary>
    private static readonly DateTimeOffset s_day = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <exception cref="IOException">No space, no permission; the unfinished file is removed.</exception>
    public static void Write(string folder, string path, CancellationToken cancellationToken)
    {
        var partial = path + ".part";
        try
        {
            using (var stream = new FileStream(partial, FileMode.Create, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 20))
            {
                using (ZipArchive zip = new(stream, ZipArchiveMode.Create, leaveOpen: true))
                {
                    foreach (var file in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
                    {
                        cancellationToken.ThrowIfCancellationRequested();
                        var entry = zip.CreateEntry(Path.GetFileName(file), CompressionLevel.NoCompression);
                        entry.LastWriteTime = s_day;
                        using var to = entry.Open();
                        using var from = File.OpenRead(file);
                        from.CopyTo(to, 1 << 20);
                    }
                }
                stream.Flush(flushToDisk: true);
            }
            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }
}
