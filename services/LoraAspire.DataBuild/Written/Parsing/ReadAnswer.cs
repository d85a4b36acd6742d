using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>What could be read from a model's answer, in its order, and a reason for each part that couldn't.</summary>
internal sealed record ReadAnswer<T>(IReadOnlyList<T> Items, IReadOnlyList<string> Dropped);

internal static partial class ReadAnswer
{
    public const string CutOff = "cut off in the middle";
    public const string Prose = "prose around the items";
    public const string Malformed = "malformed JSON";

    /// <summary>
    /// The answer without what a reasoning model says to itself before it, between tags of its own: drafts of items stand there too. Empty
    /// when the model never stopped thinking.
    /// </summary>
    public static string WithoutThinking(string answer) => Mark().Replace(Thinking().Replace(answer, ""), "").Trim();

    private const string Tag = "(?:seed:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)";

    // The opening tag may be part of the prompt; the closing one may be missing when the answer was cut off. In the middle of a line an
    // opening tag alone is a word.
    [GeneratedRegex(
        $@"\A.*(?:</{Tag}>|◁/think▷|<\|channel\|>final<\|message\|>)"
        + $@"|(?:\A|(?<=\n))[ \t]*(?:<{Tag}>|◁think▷|<\|channel\|>analysis<\|message\|>).*\z",
        RegexOptions.Singleline | RegexOptions.IgnoreCase)]
    private static partial Regex Thinking();

    [GeneratedRegex(@"<\|(?:end|return|im_end|eot_id|start)\|>|<end_of_turn>")]
    private static partial Regex Mark();
}
