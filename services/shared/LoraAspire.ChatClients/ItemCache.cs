using System.Text.Encodings.Web;
using System.Text.Json;
using LoraAspire.Runtime.Store;

namespace LoraAspire.ChatClients;

/// <summary>
/// Accepted items on disk, one file for each prompt. The digest is over what is asked of which model, not over where it runs or how many
/// items are wanted, so that asking for more later keeps what is there. Items are only ever added at the end, one run at a time, so that
/// the first ones stay the first; files are renamed into place whole, and hold a digest of their own.
/// </summary>
/// <param name="warn">Is told of a file that isn't what was written.</param>
internal sealed class ItemCache(string folder, Action<string> warn)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping
    };

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    public static string KeyOf(params string[] parts) => DigestOf<string>(parts);

    /// <summary>
    /// The items in the order in which they were accepted; none when nothing is there. A file that isn't what was written is set aside.
    /// </summary>
    public async Task<IReadOnlyList<T>> ReadAsync<T>(string digest, CancellationToken cancellationToken)
    {
        using var turn = await TurnAsync(digest, cancellationToken);
        return Read<T>(digest);
    }

    /// <summary>Adds the items that aren't there yet, behind those of other runs that may have come in between.</summary>
    /// <param name="key">Equal for items that say the same.</param>
    /// <returns>All that is there now.</returns>
    public async Task<IReadOnlyList<T>> AddAsync<T>(string digest, IReadOnlyList<T> items, Func<T, string> key,
        CancellationToken cancellationToken)
    {
        using var turn = await TurnAsync(digest, cancellationToken);
        var there = Read<T>(digest);
        IReadOnlyList<T> all = [.. there, .. items.ExceptBy(there.Select(key), key)];
        var temporary = Path.Combine(folder, $".{Guid.NewGuid():N}");
        await File.WriteAllBytesAsync(temporary, JsonSerializer.SerializeToUtf8Bytes(new Entry<T>(DigestOf(all), all), Json),
            cancellationToken);
        File.Move(temporary, PathOf(digest), overwrite: true);
        return all;
    }

    private IReadOnlyList<T> Read<T>(string digest)
    {
        var path = PathOf(digest);
        if (!File.Exists(path))
        {
            return [];
        }
        try
        {
            if (JsonSerializer.Deserialize<Entry<T>>(File.ReadAllBytes(path), Json) is { Items: { } items } entry
                && entry.Sha256 == DigestOf(items))
            {
                return items;
            }
        }
        catch (JsonException)
        {
            // Said below, as is a digest that differs.
        }
        File.Move(path, path + ".damaged", overwrite: true);
        warn($"The cache file {Path.GetFileName(path)} is damaged. It is kept as {Path.GetFileName(path)}.damaged, and its items are "
            + "asked for again.");
        return [];
    }

    /// <summary>One run at a time on one file, over processes. The lock falls with the process that holds it.</summary>
    private async Task<IDisposable> TurnAsync(string digest, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        FileStream? turn;
        while ((turn = LockFile.TryOpen(Path.Combine(folder, $".{digest}.lock"))) is null)
        {
            await Task.Delay(Interval, cancellationToken); // another holds it, for as long as a small file takes to write
        }
        return turn;
    }

    private string PathOf(string digest) => Path.Combine(folder, digest + ".json");

    public static string DigestOf<T>(IReadOnlyList<T> items) => FileDigest.OfBytes(JsonSerializer.SerializeToUtf8Bytes(items, Json));

    private sealed record Entry<T>(string Sha256, IReadOnlyList<T> Items);
}
