using System.Runtime.CompilerServices;
using LoraAspire.Chat.Models;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts.Jinja;
using LoraAspire.Pipelines.Terminal;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat;

/// <summary>The models of this machine as a <see cref="IChatClient"/>. <see cref="ChatOptions.ModelId"/> chooses one.</summary>
public sealed class LocalChatClient(ModelRunner runner, TimeProvider clock) : IChatClient
{
    /// <summary>Key in <see cref="ChatOptions.AdditionalProperties"/>; a double.</summary>
    public const string RepetitionPenalty = "repetition_penalty";

    /// <summary>Key in an answer's first piece's additional properties: <see cref="LocalModel.Warning"/>.</summary>
    public const string Warning = "warning";

    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default) =>
        await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <exception cref="RequestException">Messages or options that can't be served.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var conversation = Conversation(messages);
        var generation = Generation(options);
        var id = $"chatcmpl-{Guid.NewGuid():N}";
        var (started, warning) = (false, (string?)null);
        int[] Encode(LocalModel model)
        {
            warning = model.Warning;
            return Prompt(model, conversation, generation);
        }
        await foreach (var (piece, promptTokens) in runner.StreamAsync(options?.ModelId, Encode, generation, cancellationToken))
        {
            var text = started ? piece.Text : piece.Text.TrimStart();
            started |= text.Length > 0;
            var update = new ChatResponseUpdate(ChatRole.Assistant, text)
            {
                ResponseId = id,
                MessageId = id,
                ModelId = options?.ModelId,
                CreatedAt = clock.GetUtcNow()
            };
            if (warning is not null)
            {
                (update.AdditionalProperties, warning) = (new() { [Warning] = warning }, null);
            }
            if (piece.Finish is { } finish)
            {
                update.FinishReason = finish == FinishReason.Stop ? ChatFinishReason.Stop : ChatFinishReason.Length;
                update.Contents.Add(new UsageContent(new UsageDetails
                {
                    InputTokenCount = promptTokens,
                    OutputTokenCount = piece.Tokens,
                    TotalTokenCount = promptTokens + piece.Tokens,
                }));
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
        return new GenerationOptions
        {
            Temperature = options?.Temperature ?? defaults.Temperature,
            TopP = options?.TopP ?? defaults.TopP,
            TopK = options?.TopK ?? defaults.TopK,
            RepetitionPenalty = options?.AdditionalProperties?.TryGetValue(RepetitionPenalty, out double penalty) is true ? penalty
                : defaults.RepetitionPenalty,
            Seed = options?.Seed is { } seed ? seed.GetHashCode() : null,
            MaxNewTokens = options?.MaxOutputTokens ?? defaults.MaxNewTokens,
            Stop = [.. options?.StopSequences ?? []],
        };
    }

    private static int[] Prompt(LocalModel model, Conversation conversation, GenerationOptions generation)
    {
        // The answer gets what it asks for, but not at the price of more than half the history.
        var room = model.Context - Math.Min(generation.MaxNewTokens, model.Context / 2);
        try
        {
            return conversation.Encode(model.Format, model.Tokenizer, room);
        }
        catch (TemplateException refusal)
        {
            throw new RequestException(
                $"The model's chat template refuses this conversation: {TerminalText.Clean(refusal.Words)}", "messages");
        }
    }

    private static Conversation Conversation(IEnumerable<ChatMessage> messages)
    {
        var list = messages.ToList();
        var system = string.Join("\n", list.Where(message => message.Role == ChatRole.System).Select(message => message.Text));
        var spoken = list.Where(message => message.Role != ChatRole.System).ToList();
        List<Turn> turns = [];
        foreach (var message in spoken)
        {
            if (message.Role == ChatRole.User)
            {
                // Two questions in a row are one of two paragraphs.
                turns.Add(turns is [.., { Answer: null } open] ? new Turn(open.Question + "\n" + message.Text) : new Turn(message.Text));
                if (turns.Count > 1 && turns[^2].Answer is null)
                {
                    turns.RemoveAt(turns.Count - 2);
                }
            }
            else if (message.Role == ChatRole.Assistant && turns is [.., { Answer: null }])
            {
                turns[^1] = turns[^1] with { Answer = message.Text };
            }
            else
            {
                throw new RequestException($"A message of role '{message.Role.Value}' has no place here: roles are system, then user and "
                    + "assistant in turn.", "messages");
            }
        }
        return turns is [.., { Answer: null }]
            ? new Conversation(system.Length > 0 ? system : null, turns)
            : throw new RequestException("The last message must be the user's.", "messages");
    }
}
