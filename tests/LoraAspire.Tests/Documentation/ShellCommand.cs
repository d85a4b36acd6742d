using System.Text;

namespace LoraAspire.Tests.Documentation;

/// <summary>A simple command of a shell block: its words, and the files that it writes by &gt;.</summary>
internal sealed record ShellCommand(string Place, IReadOnlyList<string> Words, IReadOnlyList<string> Written)
{
    /// <summary>What stands in a document for the id of its reader's run.</summary>
    public const string Placeholder = "RUN";

    public static IEnumerable<ShellCommand> Of(CodeBlock block)
    {
        string? end = null;
        var (begun, number) = ("", block.Line - 1);
        foreach (var line in block.Text.Split('\n'))
        {
            number++;
            if (end is not null)
            {
                end = line == end ? null : end;
                continue;
            }
            var text = begun + CodeBlock.Uncommented(line);
            if (text.EndsWith('\\'))
            {
                begun = text[..^1] + " ";
                continue;
            }
            begun = "";
            end = HereDocument(text);
            foreach (var command in Split(text, $"{block.File}:{number}"))
            {
                yield return command;
            }
        }
    }

    private static string? HereDocument(string line) =>
        line.IndexOf("<<", StringComparison.Ordinal) is >= 0 and var at ? line[(at + 2)..].Trim().Trim('\'') : null;

    /// <summary>At &amp;&amp;, ;, | and &amp;. Settings before a command's name are no part of it.</summary>
    private static IEnumerable<ShellCommand> Split(string line, string place)
    {
        List<string> words = [], written = [];
        foreach (var word in WordsOf(line).Append(";"))
        {
            if (word is ";" or "|" or "&" or "&&")
            {
                if (words.Count > 0)
                {
                    yield return new(place, [.. words], [.. written]);
                }
                (words, written) = ([], []);
            }
            else if (written is [.., ">"])
            {
                written[^1] = word;
            }
            else if (word is ">" or ">>")
            {
                written.Add(">");
            }
            else if (!word.StartsWith("<<", StringComparison.Ordinal) && (words.Count > 0 || !IsSetting(word)))
            {
                words.Add(word);
            }
        }
    }

    private static bool IsSetting(string word) => word.IndexOf('=') is > 0 and var at
        && word[..at].All(letter => char.IsLetterOrDigit(letter) || letter == '_');

    private static IEnumerable<string> WordsOf(string line)
    {
        StringBuilder word = new();
        char? quote = null;
        var isWord = false;
        foreach (var letter in line.Append(' '))
        {
            if (quote is null ? letter is '"' or '\'' : letter == quote)
            {
                (quote, isWord) = (quote is null ? letter : null, true);
            }
            else if (quote is null && (char.IsWhiteSpace(letter) || letter == ';'))
            {
                if (isWord || word.Length > 0)
                {
                    yield return word.ToString();
                }
                (word, isWord) = (new(), false);
                if (letter == ';')
                {
                    yield return ";";
                }
            }
            else
            {
                word.Append(letter);
            }
        }
    }
}
