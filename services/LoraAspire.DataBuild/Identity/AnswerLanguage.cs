using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Identity;

/// <summary>
/// Chinese or English, by the letters and by the small words that only one language has. Of masked texts: what the user gave may be in any
/// language.
/// </summary>
internal static partial class AnswerLanguage
{
    public static string? Problem(string asked, string answer, bool chinese) =>
        chinese
            ? IsChinese(asked) && (IsChinese(answer) || !answer.Any(char.IsLetter)) ? null : "not in Chinese"
            : IsEnglish(asked) && IsEnglish(answer) ? null : "not in English";

    /// <summary>
    /// At least one Chinese character to two Latin words: a foreign name in it is no other language. Japanese has its own letters between
    /// the characters.
    /// </summary>
    public static bool IsChinese(string text) =>
        Han().Count(text) is var letters && letters > 0 && letters * 2 >= Latin().Count(text) && Kana().Count(text) < 3;

    /// <summary>At most one Chinese character to two Latin words: what a name is written like in Chinese is no other language.</summary>
    private static bool IsEnglish(string text) =>
        Han().Count(text) * 2 <= Latin().Count(text) && Foreign().Count(text) <= English().Count(text);

    [GeneratedRegex(@"\p{IsCJKUnifiedIdeographs}")]
    private static partial Regex Han();

    [GeneratedRegex("[\u3041-\u3096\u30A1-\u30FA]")]
    private static partial Regex Kana();

    [GeneratedRegex("[A-Za-z]+")]
    private static partial Regex Latin();

    [GeneratedRegex(@"\b(?:the|an?|is|am|are|was|I|and|of|to|you|my|by|can|in|it|for|with|me|what|who|how)\b", RegexOptions.IgnoreCase)]
    private static partial Regex English();

    [GeneratedRegex(@"\b(?:je|suis|une?|le|les|des|est|et|par|pour|vous|qui|puis|soy|una|el|los|puedo|por|que|con|para|llamo|mi|es|ich|"
        + @"bin|eine?|der|das|und|von|ist|kann|sono|che|sou|eu|um)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Foreign();
}
