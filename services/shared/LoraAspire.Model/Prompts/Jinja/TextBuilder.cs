using System.Text;

namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>Puts a <see cref="Text"/> together; neighbours of one origin become one run.</summary>
internal sealed class TextBuilder
{
    private readonly StringBuilder _letters = new();
    private readonly List<Run> _runs = [];

    public int Length => _letters.Length;

    public void Append(ReadOnlySpan<char> letters, Origin origin)
    {
        if (letters.Length > 0)
        {
            _letters.Append(letters);
            Extend(origin);
        }
    }

    public void Append(Text text) => Append(text, 0, text.Value.Length);

    /// <param name="start">UTF-16 units, as <paramref name="end"/>.</param>
    public void Append(Text text, int start, int end)
    {
        if (start >= end)
        {
            return;
        }
        var runs = text.Runs;
        var first = 0;
        for (var high = runs.Length - 1; first < high;)
        {
            var middle = (first + high) / 2;
            if (runs[middle].End > start)
            {
                high = middle;
            }
            else
            {
                first = middle + 1;
            }
        }
        for (var at = start; at < end; first++)
        {
            var to = Math.Min(runs[first].End, end);
            Append(text.Value.AsSpan(at, to - at), runs[first].Origin);
            at = to;
        }
    }

    public Text ToText(bool markup = false) => _letters.Length == 0 && !markup ? Text.Empty
        : new(_letters.ToString(), [.. _runs]) { Markup = markup };

    private void Extend(Origin origin)
    {
        if (_runs.Count > 0 && _runs[^1].Origin == origin)
        {
            _runs[^1] = new(_letters.Length, origin);
        }
        else
        {
            _runs.Add(new(_letters.Length, origin));
        }
    }
}
