using System.Text;

namespace LoraAspire.ChatClients;

/// <summary>
/// The key by its pieces, to tell whether a text that came from outside gives some of it away: in any letter case, spaced out or split by
/// other marks, backwards, or in base64. Not a record: no text form of it may hold the key.
/// </summary>
internal sealed class KeyPieces
{
    /// <summary>Letters of the key in a row that give it away.</summary>
    private const int Piece = 6;

    /// <summary>A shorter key is a word that a server of one's own takes for one, such as "x".</summary>
    private const int Shortest = 4;

    private readonly HashSet<string> _pieces;
    private readonly int _length;

    private KeyPieces(HashSet<string> pieces, int length) => (_pieces, _length) = (pieces, length);

    public static KeyPieces Of(string? key)
    {
        var letters = Letters(key ?? "");
        var length = Math.Min(letters.Length, Piece);
        if (letters.Length < Shortest)
        {
            return new([], Piece);
        }
        IEnumerable<string> forms =
            [letters, string.Concat(letters.Reverse()), .. Enumerable.Range(0, 3).Select(shift => Letters(Base64(key!, shift)))];
        return new([.. forms.SelectMany(form => Cut(form, length))], length);
    }

    /// <summary>
    /// Without the pieces that stand in a text of the user's own, such as the request: there they are words like any other.
    /// </summary>
    public KeyPieces Except(string own) => new([.. _pieces.Except(Cut(Letters(own), _length))], _length);

    public bool AreIn(string text) => _pieces.Count > 0 && Cut(Letters(text), _length).Any(_pieces.Contains);

    /// <summary>
    /// The key in the midst of other bytes: which letters stand for it depends on how many are before it; those at its borders stand for
    /// others, too.
    /// </summary>
    private static string Base64(string key, int shift) =>
        Convert.ToBase64String([.. new byte[shift], .. Encoding.UTF8.GetBytes(key)]).TrimEnd('=') is var text && text.Length > 4
            ? text[(shift == 0 ? 0 : shift + 1)..^1] : "";

    private static string Letters(string text) =>
        string.Concat(text.Normalize(NormalizationForm.FormKC).Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();

    private static IEnumerable<string> Cut(string text, int length) =>
        Enumerable.Range(0, Math.Max(0, text.Length - length + 1)).Select(start => text.Substring(start, length));
}
