using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.Pipelines.Messages;

namespace LoraAspire.Runtime.Runs;

/// <summary>What people wrote of a run: tags to find it by, and a note.</summary>
public sealed partial record RunNote(IReadOnlyList<string> Tags, string Text)
{
    public const int LongestText = 2000;
    private const int MostTags = 12;

    /// <summary>How tags are written, for people.</summary>
    public const string Form = "Tags are words of letters, digits, dashes, underscores and dots, 12 at most, of 32 letters each.";

    public static RunNote None { get; } = new([], "");

    public bool IsEmpty => Tags.Count == 0 && Text.Length == 0;

    /// <param name="tags">With spaces or commas between them.</param>
    /// <exception cref="FormatException">The message says what is too long, or no tag.</exception>
    public static RunNote Of(string tags, string text)
    {
        var words = tags.Split([' ', ',', '，', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries).Distinct().ToList();
        return words.Count > MostTags || words.Exists(word => !TagForm().IsMatch(word)) ? throw new FormatException(Form)
            : text.Length > LongestText ? throw new FormatException($"A note has {LongestText} letters at most; this has {text.Length}.")
            : new(words, text.Trim());
    }

    internal string Json => JsonSerializer.Serialize(this, MessageFormat.Json);

    /// <summary>Of what stands in Redis, where everybody may write; null of what is no such note.</summary>
    internal static RunNote? Read(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<RunNote>(json, MessageFormat.Json) is { } read ? Of(string.Join(' ', read.Tags), read.Text)
                : null;
        }
        catch (Exception error) when (error is JsonException or FormatException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"^[\p{L}\p{N}_.\-]{1,32}\z")]
    private static partial Regex TagForm();
}
