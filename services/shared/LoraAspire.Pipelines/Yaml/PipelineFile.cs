using System.Text;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>A file of YAML by its path: as much of it as any pipeline has, however long it is, so that a device without end is no trouble either.</summary>
public static class PipelineFile
{
    /// <summary>The text; of a file that is too long so much that the parser refuses it.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    public static async Task<string> ReadAsync(string path, CancellationToken cancellationToken)
    {
        await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 1, useAsync: true);
        var bytes = new byte[YamlDocument.MaxBytes + 1];
        var length = await file.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        using StreamReader text = new(new MemoryStream(bytes, 0, length), Encoding.UTF8);
        return await text.ReadToEndAsync(cancellationToken);
    }
}
