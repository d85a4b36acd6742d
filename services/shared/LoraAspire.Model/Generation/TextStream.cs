using System.Runtime.InteropServices;
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
    /// <summary>Tokens after which what is no character yet will not become one.</summary>
    private const int LongestWait = 32;

    private readonly HfTokenizer _tokenizer;
    private readonly IReadOnlyList<string> _stop;
    private readonly List<int> _window; // what the next text is told from: the tokens last shown, and those after them
    private int _shown; // of the window
    private string _held = "";

    public TextStream(HfTokenizer tokenizer, IEnumerable<int> promptIds, IReadOnlyList<string> stop)
    {
        (_tokenizer, _stop) = (tokenizer, [.. stop.Where(word => word.Length > 0)]);
        _window = [.. promptIds.TakeLast(Context).Where(tokenizer.Knows)];
        _shown = _window.Count;
    }

    /// <summary>A stop string has been reached; nothing more will come.</summary>
    public bool Stopped { get; private set; }

    /// <summary>The text that is certain after this id; often empty.</summary>
    public string Add(int id)
    {
        _window.Add(id);
        var added = Unshown();
        if (added.Length == 0 && _tokenizer.Bytes(id).Length == 0)
        {
            _window.RemoveAt(_window.Count - 1); // a special token says nothing, however many come
        }
        if (added.Length == 0 || (added[^1] == Broken && _window.Count - _shown < LongestWait))
        {
            return "";
        }
        _window.RemoveRange(0, _shown);
        _shown = _window.Count;
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
        var window = CollectionsMarshal.AsSpan(_window);
        var before = _tokenizer.Decode(window[.._shown]);
        var all = _tokenizer.Decode(window);
        return all.Length > before.Length ? all[before.Length..] : "";
    }

    private string Release(string added)
    {
        if (_stop.Count == 0)
        {
            return added;
        }
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
