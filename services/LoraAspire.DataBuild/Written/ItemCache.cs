using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// Accepted items on disk, one file for each prompt. The digest is over what is asked of which model, not over where it runs or how many items are wanted, so that asking
/// for more later keeps what is there. Files are renamed into place whole, and hold a digest of their own.
/// </summary>
internal sealed class ItemCache(string folder)
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string KeyOf(params string[] parts) => DigestOf<string>(parts);

    /// <summary>The items in the order in which they were accepted; none when nothing is there. A file that isn't what was written is a miss, and the warning says so.</summary>
    public IReadOnlyList<T> Read<T>(string digest, Action<string> warn)
    {
        try
        {
            if (JsonSerializer.Deserialize<Entry<T>>(File.ReadAllBytes(PathOf(digest)), Json) is { Items: { } items } entry && entry.Sha256 == DigestOf(items))
            {
                return items;
            }
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (JsonException)
        {
            // Said below, as is a digest that differs.
        }
        warn($"The cache file {Path.GetFileName(PathOf(digest))} is damaged and is left aside; its items are asked for again.");
        return [];
    }

    public void Write<T>(string digest, IReadOnlyList<T> items)
    {
        Directory.CreateDirectory(folder);
        var temporary = Path.Combine(folder, $".{Guid.NewGuid():N}");
        File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(new Entry<T>(DigestOf(items), items), Json));
        File.Move(temporary, PathOf(digest), overwrite: true);
    }

    private string PathOf(string digest) => Path.Combine(folder, digest + ".json");

    public static string DigestOf<T>(IReadOnlyList<T> items) => Hex(JsonSerializer.SerializeToUtf8Bytes(items, Json));

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private sealed record Entry<T>(string Sha256, IReadOnlyList<T> Items);
}
