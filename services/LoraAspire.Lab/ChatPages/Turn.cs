using System.Text.Json.Serialization;

namespace LoraAspire.Lab.ChatPages;

/// <summary>A message, as OpenAI's API has them.</summary>
public sealed record Said(string Role, string Content)
{
    public const string System = "system", User = "user", Assistant = "assistant";
}

/// <summary>A question and what was answered.</summary>
/// <param name="Parent">The turn before it, which is earlier in the list; null of the first.</param>
public sealed record Turn([property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] int? Parent, string Question)
{
    /// <summary>By which pages that have the same conversation know it, wherever it stands in their lists.</summary>
    public string? Id { get; init; }

    /// <summary>Of each column that was asked.</summary>
    public IReadOnlyList<AnswerSet> Answers { get; init; } = [];

    /// <summary>Null where this column wasn't asked.</summary>
    public AnswerSet? Of(int column) => Answers.ElementAtOrDefault(column);

    public Answer? Shown(int column) => Of(column)?.Shown;
}

/// <summary>The answers that a question got in one column; asking again adds one.</summary>
public sealed record AnswerSet(IReadOnlyList<Answer> Variants, int Chosen)
{
    internal Answer? Shown => Variants.Count > 0 ? Variants[Chosen] : null;
}

/// <param name="Model">Who gave it.</param>
public sealed record Answer(string Model)
{
    /// <summary>Why it ended though the model would have gone on.</summary>
    public const string Stopped = "stopped";

    /// <summary>As <see cref="Turn.Id"/>, among the answers of its column; a try in the place of another keeps it.</summary>
    public string? Id { get; init; }

    public string Text { get; init; } = "";

    /// <summary>
    /// Why it ended: OpenAI's finish_reason or <see cref="Stopped"/>; null while it is written, and where the page was left.
    /// </summary>
    public string? Finish { get; init; }

    public int? PromptTokens { get; init; }

    public int? Tokens { get; init; }

    /// <summary>From the question to the first piece, with what the service had to load.</summary>
    public double? FirstAfter { get; init; }

    /// <summary>From the question to the end.</summary>
    public double? Took { get; init; }

    /// <summary>What went wrong.</summary>
    public Trouble? Trouble { get; init; }

    /// <summary>While it was written: the first token's wait isn't part of it.</summary>
    internal double? TokensPerSecond => Tokens > 1 && Took - FirstAfter is > 0 and var writing ? (Tokens - 1) / writing : null;
}
