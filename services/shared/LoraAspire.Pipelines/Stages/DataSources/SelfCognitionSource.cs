using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>Records in which the model says who it is, in Chinese and English.</summary>
[Description(
    "our own bank of questions in English and Chinese, with several answers each; nothing is asked about `abilities` or "
    + "`languages` that aren't given")]
public sealed record SelfCognitionSource : RecordSource
{
    /// <summary>What the model is called.</summary>
    public required string Name { get; init => field = value.Trim(); }
    /// <summary>Who made it.</summary>
    public required string Developer { get; init => field = value.Trim(); }
    /// <summary>What it says that it can do; when empty, nothing is asked about it.</summary>
    public IReadOnlyList<string> Abilities { get; init => field = Given(value); } = [];

    /// <summary>What it speaks; when empty, nothing is asked about it.</summary>
    public IReadOnlyList<string> Languages { get; init => field = Given(value); } = [];

    /// <summary>How many more records, half of them in Chinese, the chat model of <c>writer</c> is asked for.</summary>
    [Range(0, 100_000, ErrorMessage = "is a number of items, 0 to 100000")]
    public int Written { get; init; }

    internal override int AskedFor => Written;

    public override string? Problem() =>
        string.IsNullOrWhiteSpace(Name) || string.IsNullOrWhiteSpace(Developer)
            ? "self_cognition needs a name and a developer: say what the model is to be called, and who made it"
        : new[] { Name, Developer }.FirstOrDefault(words => words.IndexOfAny(['[', ']', '{', '}', '<', '>']) >= 0) is { } unfilled
        ? $"self_cognition: '{unfilled}' looks like a placeholder that was to be filled in. Write the name as the model is to say it"
        : null;

    /// <summary>Spaces around a word, and words that are none, would stand in every answer.</summary>
    private static string[] Given(IEnumerable<string> words) => [.. words.Select(word => word.Trim()).Where(word => word.Length > 0)];
}
