using System.Text;
using LoraAspire.Model.Generation;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.Answers;

/// <summary>All answers to a prompt, as far as they came, in order.</summary>
internal sealed class CollectedAnswers
{
    private readonly SortedDictionary<int, CollectedAnswer> _answers = [];

    public IReadOnlyList<CollectedAnswer> Answers => [.. _answers.Values];
    public UsageDetails Usage { get; } = new();

    /// <summary>All of them, whole.</summary>
    public static async Task<CollectedAnswers> OfAsync(IAsyncEnumerable<ChatResponseUpdate> updates)
    {
        CollectedAnswers all = new();
        await foreach (var update in updates)
        {
            all.Add(update);
        }
        return all;
    }

    public void Add(ChatResponseUpdate update)
    {
        var piece = LocalChatClient.PieceOf(update);
        if (!_answers.TryGetValue(piece.Choice, out var answer))
        {
            _answers[piece.Choice] = answer = new();
        }
        answer.Text.Append(update.Text);
        answer.Logprobs.AddRange(piece.Logprobs);
        answer.Calls.AddRange(update.Contents.OfType<FunctionCallContent>());
        answer.Finish = update.FinishReason ?? answer.Finish;
        Count(update, Usage);
    }

    /// <summary>Adds what an update tells of the answers' cost.</summary>
    public static void Count(ChatResponseUpdate update, UsageDetails usage)
    {
        foreach (var part in update.Contents.OfType<UsageContent>())
        {
            usage.Add(part.Details);
        }
    }
}

internal sealed class CollectedAnswer
{
    public StringBuilder Text { get; } = new();
    public List<TokenLogprob> Logprobs { get; } = [];
    public List<FunctionCallContent> Calls { get; } = [];
    public ChatFinishReason? Finish { get; set; }
}
