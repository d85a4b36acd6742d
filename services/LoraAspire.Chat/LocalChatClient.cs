using System.Runtime.CompilerServices;
using LoraAspire.Chat.Answers;
using LoraAspire.Chat.Models;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Model.Generation;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat;

/// <summary>
/// The models of this machine as a <see cref="IChatClient"/>. <see cref="ChatOptions.ModelId"/> chooses one, and
/// <see cref="LocalChatOptions"/> say what else can be asked for.
/// </summary>
public sealed class LocalChatClient(ModelRunner runner, TimeProvider clock) : IChatClient
{
    /// <summary>Which answer an update belongs to, and how probable its tokens were.</summary>
    public static TextPiece PieceOf(ChatResponseUpdate update) => (TextPiece)update.RawRepresentation!;

    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default) =>
        await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <summary>An update for each piece of each answer; an answer's last one has its finish reason and its usage.</summary>
    /// <exception cref="RequestException">Messages or options that can't be served.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var prompt = new ChatPrompt(messages, options);
        AskedPrompt? asked = null;
        var generation = Generation(options) with { Constraint = () => asked!.Constraint?.Invoke() };
        int[] Encode(LocalModel model)
        {
            asked = prompt.Encode(model, generation.MaxNewTokens);
            (options as LocalChatOptions)?.Prompted?.Invoke(model.Warning);
            return asked.Ids;
        }
        var id = $"chatcmpl-{Guid.NewGuid():N}";
        Dictionary<int, AnswerText> answers = [];
        var isFirst = true;
        await foreach (var (piece, promptTokens) in runner.StreamAsync(options?.ModelId, Encode, generation, cancellationToken))
        {
            if (!answers.TryGetValue(piece.Choice, out var answer))
            {
                answers[piece.Choice] = answer = new(asked!, options?.AllowMultipleToolCalls == false);
            }
            ChatResponseUpdate update = new(ChatRole.Assistant, [.. answer.Add(piece)])
            {
                ResponseId = id,
                MessageId = $"{id}-{piece.Choice}",
                ModelId = options?.ModelId,
                CreatedAt = clock.GetUtcNow(),
                RawRepresentation = piece,
            };
            if (piece.Finish is { } finish)
            {
                update.FinishReason = finish == FinishReason.Length ? ChatFinishReason.Length
                    : answer.Calls > 0 ? ChatFinishReason.ToolCalls : ChatFinishReason.Stop;
                // The prompt is the same for all answers, and counts once.
                update.Contents.Add(new UsageContent(Usage(isFirst ? promptTokens : 0, piece.Tokens)));
                isFirst = false;
            }
            yield return update;
        }
    }

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType.IsInstanceOfType(this) ? this : null;

    public void Dispose()
    {
    }

    public static GenerationOptions Generation(ChatOptions? options)
    {
        var defaults = new GenerationOptions();
        var more = options as LocalChatOptions;
        return new GenerationOptions
        {
            Temperature = options?.Temperature ?? defaults.Temperature,
            TopP = options?.TopP ?? defaults.TopP,
            TopK = options?.TopK ?? defaults.TopK,
            MinP = more?.MinP ?? defaults.MinP,
            RepetitionPenalty = more?.RepetitionPenalty ?? defaults.RepetitionPenalty,
            FrequencyPenalty = options?.FrequencyPenalty ?? defaults.FrequencyPenalty,
            PresencePenalty = options?.PresencePenalty ?? defaults.PresencePenalty,
            LogitBias = more?.LogitBias ?? defaults.LogitBias,
            TopLogprobs = more?.TopLogprobs,
            Choices = more?.Choices ?? 1,
            Seed = options?.Seed is { } seed ? seed.GetHashCode() : null,
            MaxNewTokens = options?.MaxOutputTokens ?? defaults.MaxNewTokens,
            Stop = [.. options?.StopSequences ?? []],
        };
    }

    /// <exception cref="RequestException">An id that the model has no token for.</exception>
    internal static void RequireKnown(IEnumerable<int> ids, int vocabulary, string param)
    {
        foreach (var id in ids)
        {
            if (id < 0 || id >= vocabulary)
            {
                throw new RequestException($"'{param}' holds the token id {id}; this model's are 0 to {vocabulary - 1}.", param);
            }
        }
    }

    private static UsageDetails Usage(long prompt, long answer) =>
        new() { InputTokenCount = prompt, OutputTokenCount = answer, TotalTokenCount = prompt + answer };
}
