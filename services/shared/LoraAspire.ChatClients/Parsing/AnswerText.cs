using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.Model;
using LoraAspire.Model.Data;

namespace LoraAspire.ChatClients.Parsing;

/// <summary>What could be read from a model's answer, in its order, and a reason for each part that couldn't.</summary>
internal sealed record ReadAnswer<T>(IReadOnlyList<T> Items, IReadOnlyList<string> Dropped);

/// <summary>What the readers of lists and of records share.</summary>
internal static partial class AnswerText
{
    public const string CutOff = "cut off in the middle";
    public const string Prose = "prose around the items";

    private static readonly JsonReaderOptions Lenient = new()
    { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = ForeignJson.Depth };

    /// <summary>
    /// The answer without what a reasoning model says to itself before it, between tags of its own: drafts of items stand there too. Empty
    /// when the model never stopped thinking. In the middle of a line an opening tag alone is a word.
    /// </summary>
    public static string WithoutThinking(string answer) => Thinking().Replace(answer, "").Trim();

    /// <summary>
    /// The JSON that the answer consists of, one value or several in a row, but for lines of prose around it, and how many these are. Null
    /// when it is anything else.
    /// </summary>
    public static (IReadOnlyList<JsonElement> Values, int Prose)? Json(string answer)
    {
        var lines = Lines(answer);
        // Texts alone, one to a line, have no prose around them: that stands in quotes, too.
        var isTexts = lines.TrueForAll(line => line[0] == '"');
        var first = isTexts ? 0 : lines.FindIndex(line => line[0] is '[' or '{');
        var last = isTexts ? lines.Count - 1 : lines.FindLastIndex(line => line.TrimEnd(',', ';') is [.., ']' or '}']);
        if (first < 0 || last < first)
        {
            return null;
        }
        List<JsonElement> values = [];
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(string.Join('\n', lines[first..(last + 1)]));
        while (!(rest = rest.TrimStart(" \t\r\n,;"u8)).IsEmpty)
        {
            try
            {
                Utf8JsonReader reader = new(rest, Lenient);
                values.Add(JsonElement.ParseValue(ref reader));
                rest = rest[(int)reader.BytesConsumed..];
            }
            catch (JsonException)
            {
                return null;
            }
        }
        // Half of a surrogate pair is in no text that a file can hold.
        return values.TrueForAll(ForeignJson.IsText) ? (values, lines.Count - (last + 1 - first)) : null;
    }

    /// <summary>The lines that hold something, without the fences of Markdown.</summary>
    public static List<string> Lines(string answer) => [.. answer.Split('\n').Select(Blanks.Trim)
        .Where(line => line.Length > 0 && !line.StartsWith("```", StringComparison.Ordinal))];

    private const string Tag = "(?:seed:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)";

    [GeneratedRegex($@"\A.*(?:</{Tag}>|◁/think▷|<\|channel\|>final<\|message\|>)"
        + $@"|(?:\A|(?<=\n))[ \t]*(?:<{Tag}>|◁think▷|<\|channel\|>analysis<\|message\|>).*\z"
        + @"|<\|(?:end|return|im_end|eot_id|start)\|>|<end_of_turn>", RegexOptions.Singleline | RegexOptions.IgnoreCase)]
    private static partial Regex Thinking();
}
