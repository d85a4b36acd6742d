using System.Collections.Concurrent;

namespace LoraAspire.Runtime.Store;

/// <summary>
/// SHA-256 of files that a stage took while it wrote them, so that publishing doesn't read them again. One that was touched since is
/// hashed anew.
/// </summary>
public sealed class WrittenDigests
{
    private readonly ConcurrentDictionary<string, (FileStamp Stamp, string Sha256)> _files = new(StringComparer.Ordinal);

    /// <param name="path">Full; its file is complete.</param>
    public void Add(string path, string sha256) => _files[path] = (FileStamp.Of(path), sha256);

    /// <summary>Null where nothing is known. Setting a file's mode changes its ctime, which therefore doesn't count.</summary>
    internal string? Of(string path) =>
        _files.TryGetValue(path, out var file) && FileStamp.Of(path) with { Changed = file.Stamp.Changed } == file.Stamp
            ? file.Sha256 : null;
}
