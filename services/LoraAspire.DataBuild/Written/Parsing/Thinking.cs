using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>What reasoning models say to themselves before they answer, between tags of their own. Drafts of items stand there too, and are no answer.</summary>
internal static partial class Thinking
{
    /// <summary>The answer alone; empty when the model never stopped thinking.</summary>
    public static string Remove(string answer) => Mark().Replace(Block().Replace(answer, ""), "").Trim();

    // The opening tag may be part of the prompt; the closing one may be missing when the answer was cut off. In the middle of a line an opening tag alone is a word.
    [GeneratedRegex(
        @"\A.*(?:</(?:seed:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)>|◁/think▷|<\|channel\|>final<\|message\|>)|(?:\A|(?<=\n))[ \t]*(?:<(?:seed:)?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)>|◁think▷|<\|channel\|>analysis<\|message\|>).*\z",
        RegexOptions.Singleline | RegexOptions.IgnoreCase)]
    private static partial Regex Block();

    [GeneratedRegex(@"<\|(?:end|return|im_end|eot_id|start)\|>|<end_of_turn>")]
    private static partial Regex Mark();
}
