using System.Globalization;
using Spectre.Console.Rendering;

namespace LoraAspire.Cli.Chat;

/// <summary>One line that is being written: text, cursor, and what the keys do.</summary>
/// <param name="history">Earlier lines, the newest last.</param>
internal sealed class LineEditor(IReadOnlyList<string> history)
{
    /// <summary>Of a key: goes on, the line is done, or the input ends.</summary>
    internal enum Outcome { Editing, Entered, Ended }

    private string _draft = "";
    private int _at = history.Count;
    private int _cursor;

    public string Text { get; private set; } = "";

    public Outcome Press(ConsoleKeyInfo key)
    {
        switch (key)
        {
            case { Key: ConsoleKey.Enter }:
                return Outcome.Entered;
            case { Key: ConsoleKey.D, Modifiers: ConsoleModifiers.Control } when Text == "":
                return Outcome.Ended;
            case { Key: ConsoleKey.C or ConsoleKey.U, Modifiers: ConsoleModifiers.Control }:
                Set("");
                break;
            case { Key: ConsoleKey.K, Modifiers: ConsoleModifiers.Control }:
                Text = Text[.._cursor];
                break;
            case { Key: ConsoleKey.W, Modifiers: ConsoleModifiers.Control }:
                Cut(Text[.._cursor].TrimEnd().LastIndexOf(' ') + 1, _cursor);
                break;
            case { Key: ConsoleKey.Home } or { Key: ConsoleKey.A, Modifiers: ConsoleModifiers.Control }:
                _cursor = 0;
                break;
            case { Key: ConsoleKey.End } or { Key: ConsoleKey.E, Modifiers: ConsoleModifiers.Control }:
                _cursor = Text.Length;
                break;
            case { Key: ConsoleKey.LeftArrow }:
                _cursor = Before(_cursor);
                break;
            case { Key: ConsoleKey.RightArrow }:
                _cursor = After(_cursor);
                break;
            case { Key: ConsoleKey.Backspace }:
                Cut(Before(_cursor), _cursor);
                break;
            case { Key: ConsoleKey.Delete } or { Key: ConsoleKey.D, Modifiers: ConsoleModifiers.Control }:
                Cut(_cursor, After(_cursor));
                break;
            case { Key: ConsoleKey.UpArrow } when _at > 0:
                Recall(_at - 1);
                break;
            case { Key: ConsoleKey.DownArrow } when _at < history.Count:
                Recall(_at + 1);
                break;
            case { KeyChar: var letter } when !char.IsControl(letter):
                Text = Text.Insert(_cursor, $"{letter}");
                _cursor++;
                break;
        }
        return Outcome.Editing;
    }

    /// <summary>The part of the line around the cursor that so many columns hold; Chinese letters take two.</summary>
    public (string Shown, int Column) View(int columns)
    {
        var (start, column) = (_cursor, 0);
        while (start > 0 && Before(start) is var before && column + Columns(before, start) is var more && more < columns)
        {
            (start, column) = (before, more);
        }
        var (end, taken) = (_cursor, column);
        while (end < Text.Length && After(end) is var after && taken + Columns(end, after) is var more && more < columns)
        {
            (end, taken) = (after, more);
        }
        return (Text[start..end], column);
    }

    private int Columns(int from, int to) => new Segment(Text[from..to]).CellCount();

    /// <summary>A letter may be several chars: an accent, an emoji.</summary>
    private int After(int at) => at >= Text.Length ? Text.Length : at + StringInfo.GetNextTextElementLength(Text, at);

    private int Before(int at)
    {
        // Letters are told apart only forwards: from the nearest one that surely begins at itself.
        var before = Math.Max(0, at - 1);
        while (before > 0 && !IsPlain(Text[before]))
        {
            before--;
        }
        for (var next = before; next < at; next = After(next))
        {
            before = next;
        }
        return before;
    }

    /// <summary>No part of another letter: visible ASCII and Chinese.</summary>
    private static bool IsPlain(char letter) => letter is (>= ' ' and <= '~') or (>= '\u4e00' and <= '\u9fff');

    private void Cut(int from, int to) => (Text, _cursor) = (Text.Remove(from, to - from), from);

    private void Set(string text) => (Text, _cursor) = (text, text.Length);

    /// <summary>Behind the newest line stands what was being written.</summary>
    private void Recall(int index)
    {
        _draft = _at == history.Count ? Text : _draft;
        _at = index;
        Set(index == history.Count ? _draft : history[index]);
    }
}
