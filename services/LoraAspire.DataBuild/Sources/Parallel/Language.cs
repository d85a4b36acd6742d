namespace LoraAspire.DataBuild.Sources.Parallel;

/// <summary>A language by its names and codes, and the script it is written in.</summary>
internal sealed record Language(Script Script, params string[] Names)
{
    private static readonly Language[] All =
    [
        new(Script.Latin, "en", "eng", "English", "英文", "英语"), new(Script.Han, "zh", "zho", "chi", "cmn", "Chinese", "中文", "汉语",
            "Simplified Chinese", "Traditional Chinese"),
        new(Script.Latin, "de", "deu", "ger", "German", "Deutsch", "德语", "德文"), new(Script.Latin, "fr", "fra", "fre", "French", "法语"),
        new(Script.Latin, "es", "spa", "Spanish", "西班牙语"),
        new(Script.Latin, "pt", "por", "Portuguese", "葡萄牙语"), new(Script.Latin, "it", "ita", "Italian", "意大利语"), new(Script.Latin, "nl",
            "nld", "Dutch"), new(Script.Latin, "pl", "pol", "Polish"),
        new(Script.Latin, "sv", "swe", "Swedish"), new(Script.Latin, "cs", "ces", "Czech"), new(Script.Latin, "tr", "tur", "Turkish"),
        new(Script.Latin, "vi", "vie", "Vietnamese", "越南语"),
        new(Script.Latin, "id", "ind", "Indonesian"), new(Script.Cyrillic, "ru", "rus", "Russian", "俄语"), new(Script.Cyrillic, "uk", "ukr",
            "Ukrainian"), new(Script.Greek, "el", "ell", "Greek"),
        new(Script.Japanese, "ja", "jpn", "Japanese", "日语", "日文"), new(Script.Hangul, "ko", "kor", "Korean", "韩语"), new(Script.Arabic, "ar",
            "ara", "Arabic", "阿拉伯语"),
        new(Script.Arabic, "fa", "fas", "Persian"), new(Script.Hebrew, "he", "heb", "Hebrew"), new(Script.Devanagari, "hi", "hin", "Hindi"),
        new(Script.Thai, "th", "tha", "Thai"),
    ];

    /// <summary>By name or code ("Chinese", "zh", "zh-CN"); null when the table doesn't have it.</summary>
    public static Language? Find(string name) => Array.Find(All, language => language.HasCode(name));

    /// <summary>
    /// Of the codes that a file uses ("zh-CN", "zh-TW", "en") the one that a name or code means, or null. A region or script that is asked
    /// for is no other one.
    /// </summary>
    /// <param name="exactly">Only the very code, or one that the name stands for alone (Simplified Chinese).</param>
    public static string? Nearest(string asked, IEnumerable<string> codes, bool exactly = false)
    {
        List<string> there = [.. codes];
        var wanted = Regions.GetValueOrDefault(asked, [asked]);
        if (wanted.Select(
            want => there.Find(
                code => code.Equals(want, StringComparison.OrdinalIgnoreCase)
                    || code.StartsWith(want + "-", StringComparison.OrdinalIgnoreCase)
                        && want.Contains('-'))).FirstOrDefault(code => code is not null) is { } found)
        {
            return found;
        }
        var language = Find(asked);
        var region = wanted.Any(want => want.AsSpan().IndexOfAny('-', '_') > 0);
        return exactly || language is null ? null
            : there.Find(code => language.HasCode(code) && (!region || code.AsSpan().IndexOfAny('-', '_') < 0));
    }

    private static readonly Dictionary<string, string[]> Regions = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Simplified Chinese"] = ["zh-CN", "zh-Hans", "zh-SG"],
        ["Traditional Chinese"] = ["zh-TW", "zh-Hant", "zh-HK"],
    };

    public bool HasCode(string code) => Names.Any(name =>
        name.Equals(code, StringComparison.OrdinalIgnoreCase) || name.Equals(code.Split('-', '_')[0], StringComparison.OrdinalIgnoreCase));
}

internal enum Script { Latin, Han, Japanese, Hangul, Cyrillic, Greek, Arabic, Hebrew, Devanagari, Thai }

internal static class Scripts
{
    /// <summary>Whether a letter belongs to the script. Japanese writes in kana and Han.</summary>
    public static bool Has(this Script script, int letter) => script switch
    {
        Script.Latin => letter is (>= 'A' and <= 'Z') or (>= 'a' and <= 'z') or (>= 0xC0 and <= 0x24F) or (>= 0x1E00 and <= 0x1EFF),
        Script.Han =>
            letter is (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x3FFFF),
        Script.Japanese => letter is >= 0x3040 and <= 0x30FF || Script.Han.Has(letter),
        Script.Hangul => letter is (>= 0xAC00 and <= 0xD7AF) or (>= 0x1100 and <= 0x11FF),
        Script.Cyrillic => letter is >= 0x400 and <= 0x52F,
        Script.Greek => letter is >= 0x370 and <= 0x3FF,
        Script.Arabic => letter is (>= 0x600 and <= 0x6FF) or (>= 0x750 and <= 0x77F),
        Script.Hebrew => letter is >= 0x590 and <= 0x5FF,
        Script.Devanagari => letter is >= 0x900 and <= 0x97F,
        _ => letter is >= 0xE00 and <= 0xE7F,
    };

    public static int Count(this Script script, string text) => text.EnumerateRunes().Count(letter => script.Has(letter.Value));
}
