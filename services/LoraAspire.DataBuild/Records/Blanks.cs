using LoraAspire.Model.Data;

namespace LoraAspire.DataBuild.Records;

/// <summary>
/// What may stand between the parts of an answer without meaning anything: white space, and characters of no width, which a model or an
/// editor leaves behind.
/// </summary>
internal static class Blanks
{
    /// <summary>Stands for bytes that are no letter.</summary>
    public const char Damaged = '\uFFFD';

    public static bool Is(char letter) => char.IsWhiteSpace(letter) || VisibleText.IsWidthless(letter);

    /// <summary>The first place from <paramref name="at"/> on that isn't blank.</summary>
    public static int Skip(string text, int at)
    {
        while (at < text.Length && Is(text[at]))
        {
            at++;
        }
        return at;
    }

    /// <summary>Without blanks at either end.</summary>
    public static string Trim(string text)
    {
        var (start, end) = (Skip(text, 0), text.Length);
        while (end > start && Is(text[end - 1]))
        {
            end--;
        }
        return text[start..end];
    }
}
