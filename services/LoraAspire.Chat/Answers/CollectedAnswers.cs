using System.Text;
using LoraAspire.Model.Generation;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.Answers;

/// <summary>All answers to a prompt, whole, in order.</summary>
internal sealed record CollectedAnswers(IReadOnlyList<CollectedAnswer> Answers, UsageDetails Usage)
{
    public static async Task<CollectedAnswers> OfAsync(IAsyncEnumerable<ChatResponseUpdate> updates)
    {
        SortedDictionary<int, CollectedAnswer> answers = [];
        UsageDetails usage = new();
        await foreach (var update in updates)
        {
            var piece = LocalChatClient.PieceOf(update);
            if (!answers.TryGetValue(piece.Choice, out var answer))
            {
                answers[piece.Choice] = answer = new();
            }
            answer.Text.Append(update.Text);
            answer.Logprobs.AddRange(piece.Logprobs);
            answer.Calls.AddRange(update.Contents.OfType<FunctionCallContent>());
            answer.Finish = update.FinishReason ?? answer.Finish;
            foreach (var part in update.Contents.OfType<UsageContent>())
            {
                usage.Add(part.Details);
            }
        }
        return new([.. answers.Values], usage);
    }
}

internal sealed class CollectedAnswer
{
    public StringBuilder Text { get; } = new();
    public List<TokenLogprob> Logprobs { get; } = [];
    public List<FunctionCallContent> Calls { get; } = [];
    public ChatFinishReason? Finish { get; set; }
}
