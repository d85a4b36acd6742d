namespace LoraAspire.Lab.SubmitPages;

/// <summary>Where in a stage something is being written.</summary>
/// <param name="Keys">The keys above it, the stage's own first: with, sources, alpaca.</param>
/// <param name="Beside">Keys that stand before it in the same mapping.</param>
/// <param name="Token">What of it is written.</param>
internal sealed record TextPlace(string[] Keys, IReadOnlySet<string> Beside, string Token)
{
    /// <summary>A mapping or a list that is open.</summary>
    /// <param name="Column">Where the key stands that it belongs to; what isn't deeper is none of it. Null ends at its bracket.</param>
    /// <param name="Key">Null where it has none: the stage itself, an item of a list in brackets.</param>
    private sealed record Level(int? Column, string? Key)
    {
        public HashSet<string> Beside { get; } = new(StringComparer.Ordinal);
    }

    /// <param name="above">The stage's lines before the one that is being written.</param>
    /// <param name="written">That up to the cursor.</param>
    public static TextPlace Of(IEnumerable<string> above, string written)
    {
        Stack<Level> levels = new([new Level(-1, null)]);
        foreach (var line in above.Where(line => line.TrimStart() is { Length: > 0 } text && text[0] != '#'))
        {
            var (column, token) = Read(levels, line);
            if (Completions.KeyOfLine(token) is { } key && levels.Peek().Column is not null)
            {
                levels.Peek().Beside.Add(key);
                levels.Push(new(column, key));
            }
        }
        var last = Read(levels, written).Token;
        return new([.. levels.Reverse().Select(level => level.Key).OfType<string>()], levels.Peek().Beside, last);
    }

    /// <summary>Opens and closes what a line does.</summary>
    /// <returns>Where its text begins, and what of it is still open: a key with or without a value.</returns>
    private static (int Column, string Token) Read(Stack<Level> levels, string line)
    {
        var column = Completions.Indent(line);
        var isItem = false;
        while (column < line.Length && line[column] == '-' && (column + 1 == line.Length || line[column + 1] == ' '))
        {
            isItem = true;
            column += 1 + Completions.Indent(line[(column + 1)..]);
        }
        while (levels.Peek() is { Key: not null, Column: var own } && (own is null || own >= column))
        {
            levels.Pop();
        }
        if (isItem)
        {
            levels.Peek().Beside.Clear(); // of the item before
        }
        return (column, OpenText(levels, line[column..]));
    }

    private static string OpenText(Stack<Level> levels, string text)
    {
        var (token, quote) = ("", '\0');
        foreach (var letter in text)
        {
            if (quote != '\0' || letter is '"' or '\'')
            {
                quote = quote == '\0' && token.TrimEnd() is "" or [.., ':'] ? letter : quote == letter ? '\0' : quote;
                token += letter;
            }
            else if (letter is '{' or '[')
            {
                var key = Completions.KeyOfLine(token);
                levels.Peek().Beside.UnionWith(key is null ? [] : [key]);
                levels.Push(new(null, key));
                token = "";
            }
            else if (letter is '}' or ']' && levels.Peek().Column is null)
            {
                levels.Pop();
                token = "";
            }
            else if (letter == ',' && levels.Peek().Column is null)
            {
                levels.Peek().Beside.UnionWith(Completions.KeyOfLine(token) is { } key ? [key] : []);
                token = "";
            }
            else if (letter == '#' && (token.Length == 0 || token[^1] == ' '))
            {
                break;
            }
            else
            {
                token += letter;
            }
        }
        return token.TrimStart();
    }
}
