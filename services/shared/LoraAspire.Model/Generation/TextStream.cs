using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Generation;

/// <summary>
/// Turns ids, one by one, into text that can be shown at once: a character of several byte tokens comes out whole, and text
/// that may be the beginning of a stop string waits until it is clear.
/// </summary>
internal sealed class TextStream
{
    /// <summary>Tokens of the prompt before the first new one, so that a space between them is not lost.</summary>
    private const int Context = 4;
    private const char Broken = '\uFFFD';

    private readonly HfTokenizer _tokenizer;
    private readonly IReadOnlyList<string> _stop;
    private readonly List<int> _ids;
    private int _windowStart;
    private int _shown;
    private string _held = "";

    public TextStream(HfTokenizer tokenizer, IEnumerable<int> promptIds, IReadOnlyList<string> stop)
    {
        (_tokenizer, _stop) = (tokenizer, [.. stop.Where(word => word.Length > 0)]);
        _ids = [.. promptIds.TakeLast(Context)];
        _shown = _ids.Count;
    }

    /// <summary>A stop string has been reached; nothing more will come.</summary>
    public bool Stopped { get; private set; }

    /// <summary>The text that is certain after this id; often empty.</summary>
    public string Add(int id)
    {
        _ids.Add(id);
        var added = Unshown();
        if (added.Length == 0 || added[^1] == Broken)
        {
            return "";
        }
        (_windowStart, _shown) = (_shown, _ids.Count);
        return Release(added);
    }

    /// <summary>What was held back, at the end of the answer.</summary>
    public string Flush()
    {
        var rest = Stopped ? "" : Release(Unshown()) + (Stopped ? "" : _held);
        _held = "";
        return rest;
    }

    private string Unshown()
    {
        // Both texts start at the same token, so what a tokenizer does to the first one cancels out.
        var window = _ids.ToArray();
        var before = _tokenizer.Decode(window.AsSpan(_windowStart, _shown - _windowStart));
        var all = _tokenizer.Decode(window.AsSpan(_windowStart));
        return all.Length > before.Length ? all[before.Length..] : "";
    }

    private string Release(string added)
    {
        var text = _held + added;
        var end = _stop.Select(word => text.IndexOf(word, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        if (end >= 0)
        {
            (Stopped, _held) = (true, "");
            return text[..end];
        }
        var hold = _stop.Select(word => OverlapOfEnd(text, word)).DefaultIfEmpty(0).Max();
        _held = text[^hold..];
        return text[..^hold];
    }

    /// <summary>Length of the longest end of the text that begins the word.</summary>
    private static int OverlapOfEnd(string text, string word)
    {
        for (var length = Math.Min(text.Length, word.Length - 1); length > 0; length--)
        {
            if (text.AsSpan(text.Length - length).SequenceEqual(word.AsSpan(0, length)))
            {
                return length;
            }
        }
        return 0;
    }
}
