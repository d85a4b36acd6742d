using System.Globalization;
using System.Text.RegularExpressions;

namespace LoraAspire.Pipelines;

/// <summary>
/// The names that become folders, files and Redis keys. Whoever takes one from outside asks here: the YAML's parser, the decoding of a
/// stream entry, and once more the store at its door. None of them can be empty, start with a dot or hold a separator, so that a path made
/// from one stays below the folder it is put in.
/// </summary>
public static partial class Identifiers
{
    /// <summary>As it is written for people, after "a name is".</summary>
    public const string PipelineForm = "1 to 64 letters, digits, dashes, underscores or dots, the first no dot";
    public const string StageForm = "lower-case letters, digits, dashes and underscores, 40 at most";

    private const int MostAttempts = 1_000_000;
    private const int MostShown = 80;

    /// <summary>As a run is called: 20260102-030405-ab12, or what another submitter chose.</summary>
    public static bool IsRun(string? text) => text is not null && RunForm().IsMatch(text);

    public static bool IsPipeline(string? text) => text is not null && NameForm().IsMatch(text);

    public static bool IsStage(string? text) => text is not null && IdForm().IsMatch(text);

    /// <summary>NAME of <c>model:NAME</c>: a folder directly under the models root.</summary>
    public static bool IsModel(string? text) => text is not null && ModelForm().IsMatch(text);

    /// <summary>The last part of a path, or of a name on the Hub: somebody/NAME, folder/NAME/. Empty where there is none.</summary>
    public static string LastPart(string path) => path.TrimEnd('/', '\\').Split('/', '\\')[^1];

    /// <summary>A stage key or the digest of an artifact: SHA-256 in lower-case hex.</summary>
    public static bool IsDigest(string? text) => text is not null && DigestForm().IsMatch(text);

    /// <summary>Counted from 1.</summary>
    public static bool IsAttempt(int number) => number is >= 1 and <= MostAttempts;

    /// <summary>A name that was refused, fit for a line of a message: cut short, and what isn't printed replaced.</summary>
    public static string Shown(string? text) =>
        new([.. (text ?? "").Take(MostShown)
            .Select(letter => char.IsControl(letter)
                || CharUnicodeInfo.GetUnicodeCategory(letter) is UnicodeCategory.Format or UnicodeCategory.Surrogate ? '?' : letter)]);

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}\z")]
    private static partial Regex RunForm();

    [GeneratedRegex(@"^(?!\.)[\p{L}\p{N}_.\-]{1,64}\z")]
    private static partial Regex NameForm();

    [GeneratedRegex(@"^[a-z0-9][a-z0-9_\-]{0,39}\z")]
    private static partial Regex IdForm();

    [GeneratedRegex(@"^(?!\.)[\p{L}\p{N}_.\-]{1,128}\z")]
    private static partial Regex ModelForm();

    [GeneratedRegex(@"^[0-9a-f]{64}\z")]
    private static partial Regex DigestForm();
}
