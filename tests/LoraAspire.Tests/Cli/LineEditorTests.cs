using System.Diagnostics;
using LoraAspire.Cli.Chat;

namespace LoraAspire.Tests.Cli;

public sealed class LineEditorTests
{
    private readonly LineEditor _editor = new(["first", "second"]);

    private static ConsoleKeyInfo Key(ConsoleKey key, char letter = '\0', bool control = false) => new(letter, key, false, false, control);

    private void Type(string text) => text.ToList().ForEach(letter => _editor.Press(Key(ConsoleKey.NoName, letter)));

    private string After(params ConsoleKey[] keys)
    {
        Array.ForEach(keys, key => _editor.Press(Key(key)));
        return _editor.Text;
    }

    private string With(ConsoleKey key)
    {
        _editor.Press(Key(key, control: true));
        return _editor.Text;
    }

    [Fact]
    public void Letters_stand_where_the_cursor_is()
    {
        Type("helo");
        After(ConsoleKey.LeftArrow);
        Type("l");
        Assert.Equal("hell", After(ConsoleKey.End, ConsoleKey.Backspace));
        Assert.Equal("ell", After(ConsoleKey.Home, ConsoleKey.Delete));
        Assert.Equal("ell", After(ConsoleKey.LeftArrow, ConsoleKey.Home, ConsoleKey.Backspace));
    }

    [Fact]
    public void A_letter_of_several_chars_is_one()
    {
        Type("a👍🏽é");
        Assert.Equal("a👍🏽", After(ConsoleKey.Backspace));
        Assert.Equal("a", After(ConsoleKey.Backspace));
    }

    [Fact]
    public void Arrows_go_through_what_was_said_and_back_to_what_is_written()
    {
        Type("draft");
        Assert.Equal("second", After(ConsoleKey.UpArrow));
        Assert.Equal("first", After(ConsoleKey.UpArrow, ConsoleKey.UpArrow));
        Assert.Equal("draft", After(ConsoleKey.DownArrow, ConsoleKey.DownArrow, ConsoleKey.DownArrow));
    }

    [Fact]
    public void Control_keys_cut_words_ends_and_all()
    {
        Type("one two  three");
        Assert.Equal("one two  ", With(ConsoleKey.W));
        Assert.Equal("one ", With(ConsoleKey.W));
        With(ConsoleKey.A);
        After(ConsoleKey.RightArrow);
        Assert.Equal("o", With(ConsoleKey.K));
        Assert.Equal("", With(ConsoleKey.U));
        Type("x");
        Assert.Equal("", With(ConsoleKey.C));
    }

    [Fact]
    public void The_line_is_done_by_Enter_and_the_input_ends_by_Ctrl_D_on_an_empty_line()
    {
        Assert.Equal(LineEditor.Outcome.Ended, _editor.Press(Key(ConsoleKey.D, '\u0004', control: true)));
        Type("x");
        Assert.Equal(LineEditor.Outcome.Editing, _editor.Press(Key(ConsoleKey.D, '\u0004', control: true)));
        Assert.Equal(LineEditor.Outcome.Entered, _editor.Press(Key(ConsoleKey.Enter, '\r')));
    }

    [Fact]
    public void A_text_of_20000_letters_is_written_and_looked_at_in_no_time()
    {
        var began = Stopwatch.GetTimestamp();
        foreach (var letter in Enumerable.Repeat("a你", 10_000).SelectMany(letters => letters))
        {
            _editor.Press(Key(ConsoleKey.NoName, letter));
            _editor.View(80);
        }
        After(ConsoleKey.LeftArrow, ConsoleKey.Backspace);

        Assert.Equal(19_999, _editor.Text.Length);
        // It took minutes when each look began at the line's beginning; a loaded machine takes a second.
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0, 30);
    }

    [Fact]
    public void A_long_line_is_shown_around_the_cursor_and_Chinese_letters_take_two_columns()
    {
        Type("abcdefghij");
        Assert.Equal(("cdefghij", 8), _editor.View(9));
        After(ConsoleKey.Home);
        Assert.Equal(("abcdefgh", 0), _editor.View(9));
        With(ConsoleKey.U);
        Type("你好世界");
        Assert.Equal(("你好世界", 8), _editor.View(9));
        Assert.Equal(("世界", 4), _editor.View(5));
    }
}
