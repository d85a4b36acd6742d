using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>What reasoning models say to themselves before they answer, between think tags. Drafts of items stand there too, and are no answer.</summary>
internal static partial class Thinking
{
    /// <summary>The answer alone; empty when the model never stopped thinking.</summary>
    public static string Remove(string answer) => Block().Replace(answer, "").Trim();

    // The opening tag may be part of the prompt; the closing one may be missing when the answer was cut off.
    [GeneratedRegex(@"\A.*</think(?:ing)?>|<think(?:ing)?>.*\z", RegexOptions.Singleline | RegexOptions.IgnoreCase)]
    private static partial Regex Block();
}
