using System.Buffers.Text;
using System.Text;

namespace LoraAspire.Model.Tokenizers;

/// <summary>
/// Meta's own tokenizer.model of Llama 3: lines of a token in base64 and its rank, without the patterns and special tokens that
/// running it takes. Such models come with a tokenizer.json, which says it all.
/// </summary>
internal static class TiktokenFile
{
    /// <summary>Longer than the first line of any: its first tokens are single bytes.</summary>
    private const int LongestFirstLine = 64;

    public static bool Is(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        Span<byte> start = stackalloc byte[LongestFirstLine];
        start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        var end = start.IndexOf((byte)'\n');
        var line = end < 0 ? start : start[..end].TrimEnd((byte)'\r');
        var space = line.IndexOf((byte)' ');
        return space > 0 && Base64.IsValid(line[..space]) && int.TryParse(Encoding.ASCII.GetString(line[(space + 1)..]),
            System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out _);
    }
}
