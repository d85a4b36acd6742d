namespace LoraAspire.Runtime.Store;

/// <summary>Whether a published folder is what its manifest says.</summary>
internal static class Integrity
{
    /// <summary>What is wrong, in a few words; null when every byte is right and nothing was added.</summary>
    public static string? Damage(string digest, string folder, DigestMemory memory, IProgress<HashProgress>? progress,
        CancellationToken cancellationToken)
    {
        try
        {
            var bytes = File.ReadAllBytes(Path.Combine(folder, Manifest.FileName));
            if (Manifest.DigestOf(bytes) != digest || Manifest.Read(bytes) is not { } manifest)
            {
                return "its manifest was changed";
            }
            var there = Manifest.FilesIn(folder);
            if (there.Except(manifest.Files.Select(file => file.Path)).FirstOrDefault(name => name != Manifest.FileName) is { } foreign)
            {
                return $"{foreign} was added";
            }
            if (manifest.Files.FirstOrDefault(file => !there.Contains(file.Path)) is { } missing)
            {
                return $"{missing.Path} is missing";
            }
            HashMeter meter = new(manifest.Files.Sum(file => file.Size), progress);
            return FileDigest.Each(manifest.Files, file => Damage(file, Path.Combine(folder, file.Path), memory, meter, cancellationToken),
                cancellationToken)
                .FirstOrDefault(damage => damage is not null);
        }
        catch (StoreException foreign)
        {
            return foreign.Message;
        }
        catch (FileNotFoundException)
        {
            return "a file is missing";
        }
        catch (IOException error) when (error.HResult == Libc.IoError)
        {
            return $"the disk can't read it: {error.Message}";
        }
    }

    private static string? Damage(ManifestFile file, string path, DigestMemory memory, HashMeter meter,
        CancellationToken cancellationToken) =>
        FileStamp.Of(path).Size is var size && size != file.Size ? $"{file.Path} has {size} bytes instead of {file.Size}"
        : memory.Of(path, meter, cancellationToken) != file.Sha256 ? $"{file.Path} has other bytes than were published"
        : null;
}
