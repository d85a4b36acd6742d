namespace LoraAspire.Model;

/// <summary>
/// What a git clone without git-lfs leaves in a large file's place: a few lines that name the file. Format: git-lfs, docs/spec.md.
/// </summary>
public static class LfsPointer
{
    /// <summary>A pointer has three short lines; no more of a file is looked at.</summary>
    private const int MostBytes = 1024;

    private static ReadOnlySpan<byte> Start => "version https://git-lfs.github.com/spec/"u8;

    /// <exception cref="ModelException">The file is a pointer.</exception>
    public static void Refuse(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        Span<byte> start = stackalloc byte[Start.Length];
        if (file.Length <= MostBytes && file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length
            && start.SequenceEqual(Start))
        {
            throw new ModelException($"{path} is a git-lfs pointer: git cloned the folder, but not this file. "
                + "Run `git lfs pull` in the folder, or download the file itself.");
        }
    }
}
