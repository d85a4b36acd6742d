using System.Text;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>
/// A file of YAML by its path: as much of it as any pipeline has, however long it is, so that a device without end is no trouble either.
/// </summary>
public static class PipelineFile
{
    /// <summary>The text; of a file that is too long so much that the parser refuses it.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    public static async Task<string> ReadAsync(string path, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path))
        {
            throw new IOException($"{path} is a folder: name a pipeline file in it.");
        }
        // Opening a pipe waits for its writer; whoever doesn't want to wait any longer isn't held by that.
        await using var file = await Task.Run(() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite,
            bufferSize: 1), cancellationToken).WaitAsync(cancellationToken);
        var bytes = new byte[YamlDocument.MaxBytes + 1];
        var length = await file.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        using StreamReader text = new(new MemoryStream(bytes, 0, length), Encoding.UTF8);
        return await text.ReadToEndAsync(cancellationToken);
    }
}
