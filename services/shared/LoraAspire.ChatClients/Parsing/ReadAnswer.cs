using System.Text.RegularExpressions;

namespace LoraAspire.ChatClients.Parsing;

/// <summary>What could be read from a model's answer, in its order, and a reason for each part that couldn't.</summary>
internal sealed record ReadAnswer<T>(IReadOnlyList<T> Items, IReadOnlyList<string> Dropped);

internal static partial class ReadAnswer
{
    public const string CutOff = "cut off in the middle";
    public const string Prose = "prose around the items";
    public const string Malformed = "malformed JSON";

    /// <summary>
    /// The answer without what a reasoning model says to itself before it, between tags of its own: drafts of items stand there too. Empty
    /// when the model never stopped thinking. In the middle of a line an opening tag alone is a word.
    /// </summary>
    public static string WithoutThinking(string answer) => Thinking().Replace(answer, "").Trim();

    private const string Tag = "(?:seed:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)";

    [GeneratedRegex($@"\A.*(?:</{Tag}>|◁/think▷|<\|channel\|>final<\|message\|>)"
        + $@"|(?:\A|(?<=\n))[ \t]*(?:<{Tag}>|◁think▷|<\|channel\|>analysis<\|message\|>).*\z"
        + @"|<\|(?:end|return|im_end|eot_id|start)\|>|<end_of_turn>", RegexOptions.Singleline | RegexOptions.IgnoreCase)]
    private static partial Regex Thinking();
}
