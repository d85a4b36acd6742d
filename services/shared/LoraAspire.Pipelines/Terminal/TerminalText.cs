using System.Globalization;
using System.Text;

namespace LoraAspire.Pipelines.Terminal;

/// <summary>
/// What stands at a terminal's door. Names, keys, paths, columns and servers' messages may hold escape sequences, which would move the
/// cursor, set the title or fill the clipboard; there, and only there, what a terminal would obey is spelled out.
/// </summary>
public static class TerminalText
{
    /// <summary>
    /// Line breaks and tabs stay. A control character is shown by its picture (␛), one that turns the writing round or can't be seen by its
    /// number (⟨U+202E⟩).
    /// </summary>
    public static string Clean(string text) => FirstUnsafe(text) < 0 ? text : Clean(text.AsSpan());

    /// <summary>From here on all that this process writes to its console passes <see cref="Clean(string)"/>.</summary>
    /// <returns>What wrote to the console so far, for a library that draws by escape sequences of its own: it has to clean what it
    /// shows.</returns>
    public static TextWriter GuardConsole()
    {
        var plain = Console.Out;
        if (plain is not CleanWriter)
        {
            Console.SetOut(new CleanWriter(plain));
            Console.SetError(new CleanWriter(Console.Error));
        }
        return plain;
    }

    internal static string Clean(ReadOnlySpan<char> text)
    {
        StringBuilder clean = new(text.Length + 16);
        while (FirstUnsafe(text) is >= 0 and var at)
        {
            clean.Append(text[..at]);
            Spell(text[at], clean);
            text = text[(at + 1)..];
        }
        return clean.Append(text).ToString();
    }

    internal static int FirstUnsafe(ReadOnlySpan<char> text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            if (!IsSafe(text[at]))
            {
                return at;
            }
        }
        return -1;
    }

    private static bool IsSafe(char letter) => letter switch
    {
        '\n' or '\t' or (>= ' ' and <= '~') => true,
        // They join letters and emoji; without them a text would look another.
        '\u200C' or '\u200D' => true,
        _ => char.GetUnicodeCategory(letter) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator),
    };

    private static void Spell(char letter, StringBuilder into) => _ = letter switch
    {
        < ' ' => into.Append((char)(0x2400 + letter)),
        '\u007F' => into.Append('␡'),
        _ => into.Append(CultureInfo.InvariantCulture, $"⟨U+{(int)letter:X4}⟩"),
    };

    /// <summary>Passes text on, cleaned. All forms of writing that a TextWriter has end in one of these.</summary>
    private sealed class CleanWriter(TextWriter inner) : TextWriter(CultureInfo.InvariantCulture)
    {
        public override Encoding Encoding => inner.Encoding;

        public override void Write(char value)
        {
            if (IsSafe(value))
            {
                inner.Write(value);
            }
            else
            {
                inner.Write(Clean([value]));
            }
        }

        public override void Write(ReadOnlySpan<char> buffer)
        {
            if (FirstUnsafe(buffer) < 0)
            {
                inner.Write(buffer);
            }
            else
            {
                inner.Write(Clean(buffer));
            }
        }

        public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

        public override void Write(string? value) => Write(value.AsSpan());

        public override void WriteLine(string? value) => Write($"{value}{NewLine}");

        public override void WriteLine(ReadOnlySpan<char> buffer) => Write($"{buffer}{NewLine}");

        public override void Flush() => inner.Flush();

        public override Task FlushAsync() => inner.FlushAsync();
    }
}
