namespace LoraAspire.Model.Generation.Constraints.Patterns;

/// <summary>The named sets of ECMA-262's regular expressions, which JSON Schema's patterns are.</summary>
internal static class PatternSets
{
    public static CodePoints Digits { get; } = CodePoints.Of(('0', '9'));

    public static CodePoints Word { get; } = CodePoints.Of(('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_'));

    public static CodePoints Space { get; } = CodePoints.Of(('\t', '\r'), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
        (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));

    /// <summary>What a dot takes.</summary>
    public static CodePoints Dot { get; } = CodePoints.Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)).Not();

    public static CodePoints? Of(char escape) => escape switch
    {
        'd' => Digits,
        'D' => Digits.Not(),
        'w' => Word,
        'W' => Word.Not(),
        's' => Space,
        'S' => Space.Not(),
        _ => null,
    };
}
