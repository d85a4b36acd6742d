namespace LoraAspire.Model;

/// <summary>A file that is read into memory at once: settings, vocabularies, lists of tensors.</summary>
internal static class WholeFile
{
    /// <summary>The largest tokenizer.json known has half of it.</summary>
    private const long MaxBytes = 64 << 20;

    /// <param name="what">What the file is, for errors: "model configuration".</param>
    /// <exception cref="ModelException">Too large to be one, or the pointer to one that git-lfs left.</exception>
    public static byte[] Read(string path, string what)
    {
        LfsPointer.Refuse(path);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        if (file.Length > MaxBytes)
        {
            throw new ModelException(
                $"{path} has {file.Length >> 20} MiB, which no {what} has ({MaxBytes >> 20} at most). Copy or fetch it again.");
        }
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }
}
