using System.Text.Json;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Runtime.Store;

/// <summary>What each stage key gave: <c>cache/{key}.json</c>. An entry is only as good as what it points to.</summary>
/// <param name="quarantine">For entries of no use; null leaves them where they are, and notes no use either.</param>
internal sealed class ResultCache(ArtifactStore store, string folder, Quarantine? quarantine)
{
    private const int MostBytes = 1 << 20;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    /// <param name="expected">Output name → kind of artifact: what the stage gives.</param>
    public IReadOnlyDictionary<string, string>? Find(
        string key, IReadOnlyDictionary<string, ArtifactKind> expected, IProgress<HashProgress>? progress,
        CancellationToken cancellationToken)
    {
        if (Read(FileOf(key), cancellationToken) is not { } bytes)
        {
            return null;
        }
        var (outputs, problem) = Parse(bytes, expected);
        if (problem is null)
        {
            try
            {
                foreach (var (name, digest) in outputs!)
                {
                    store.Verified(digest, progress, cancellationToken);
                    problem ??= store.Manifest(digest).Kind == expected[name] ? null
                        : $"its output '{name}' points to another kind of artifact";
                }
            }
            catch (LostArtifactException lost)
            {
                problem = $"its artifact {lost.Digest} is gone";
            }
        }
        if (problem is null)
        {
            return outputs;
        }
        quarantine?.Take(FileOf(key), $"The cache entry {key} is of no use: {problem}. Its stage runs again.");
        return null;
    }

    public IReadOnlyDictionary<string, string> Add(
        string key, IReadOnlyDictionary<string, ArtifactKind> expected, IReadOnlyDictionary<string, string> outputs,
        CancellationToken cancellationToken)
    {
        PrivateFolder.Create(folder);
        while (true)
        {
            if (TryCreate(key, outputs))
            {
                return outputs;
            }
            if (Find(key, expected, null, cancellationToken) is { } first)
            {
                return first;
            }
        }
    }

    private bool TryCreate(string key, IReadOnlyDictionary<string, string> outputs)
    {
        var temporary = Path.Combine(folder, $".{Guid.NewGuid():N}");
        try
        {
            Durable.Write(temporary, JsonSerializer.SerializeToUtf8Bytes(new CacheEntry(outputs), MessageFormat.Json));
            return Durable.TryName(temporary, FileOf(key));
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>The entry's bytes, noted as used while a gc can't remove it; null when there is none.</summary>
    private byte[]? Read(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                if (FileEntry.Find(path) is not { } entry)
                {
                    return null;
                }
                if (entry.Kind != FileKind.File || entry.Stamp.Size > MostBytes)
                {
                    return [];
                }
                // Read-shared means locked against whoever wants the file alone.
                using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
                if (quarantine is not null)
                {
                    LastUse.Note(path);
                }
                var bytes = new byte[file.Length];
                file.ReadExactly(bytes);
                return bytes;
            }
            catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
            {
                return null;
            }
            catch (IOException error) when ((error.HResult & 0xFFFF) == Libc.TryAgain)
            {
                cancellationToken.WaitHandle.WaitOne(Interval);
            }
        }
    }

    private static (IReadOnlyDictionary<string, string>? Outputs, string? Problem) Parse(byte[] bytes,
        IReadOnlyDictionary<string, ArtifactKind> expected)
    {
        try
        {
            var outputs = JsonSerializer.Deserialize<CacheEntry>(bytes, MessageFormat.Json)?.Outputs;
            return (outputs,
                outputs is null ? "it names no outputs"
                : expected.Keys.FirstOrDefault(name => !outputs.ContainsKey(name)) is { } missing ? $"it lacks the output '{missing}'"
                : outputs.Keys.FirstOrDefault(name => !expected.ContainsKey(name)) is { } unknown
                ? $"it names an output '{Identifiers.Shown(unknown)}' that the stage doesn't give"
                : outputs.Any(output => !Identifiers.IsDigest(output.Value)) ? "an output of it is no digest"
                : null);
        }
        catch (JsonException error)
        {
            return (null, $"it can't be read: {error.Message}");
        }
    }

    private string FileOf(string key) => Path.Combine(folder, key + ".json");

    internal sealed record CacheEntry(IReadOnlyDictionary<string, string>? Outputs);
}
