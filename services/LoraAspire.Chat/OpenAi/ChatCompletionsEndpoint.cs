using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>POST /v1/chat/completions: OpenAI's shapes over an <see cref="IChatClient"/>.</summary>
public static class ChatCompletionsEndpoint
{
    /// <summary>Says what is odd about how the model is asked, such as a template that isn't its own.</summary>
    public const string WarningHeader = "Lora-Warning";

    public static void MapChatCompletions(this WebApplication app) =>
        app.MapPost("/v1/chat/completions",
            async Task<IResult> (HttpRequest http, IChatClient client, TimeProvider clock, CancellationToken cancellationToken) =>
        {
            var request = await OpenAiJson.ReadAsync<ChatCompletionRequest>(http);
            var (messages, choices) = (request.ChatMessages(), request.Choices());
            var (id, created) = ($"chatcmpl-{Guid.NewGuid():N}", clock.GetUtcNow().ToUnixTimeSeconds());
            if (request.Stream)
            {
                var chunk = new ChatCompletion(id, "chat.completion.chunk", created, request.Model, []);
                return OpenAiJson.Stream(ChunksAsync(client, messages, choices, chunk, request.WantsUsage, http.HttpContext.Response,
                    cancellationToken));
            }
            List<ChatChoice> answers = [];
            var usage = Usage.None;
            foreach (var options in choices)
            {
                var response = await client.GetResponseAsync(messages, options, cancellationToken);
                foreach (var properties in response.Messages.Select(message => message.AdditionalProperties)
                    .Append(response.AdditionalProperties))
                {
                    Warn(http.HttpContext.Response, properties);
                }
                answers.Add(new ChatChoice(answers.Count, response.FinishReason?.Value) { Message = new("assistant", response.Text) });
                usage = usage.Plus(response.Usage);
            }
            return TypedResults.Json(new ChatCompletion(id, "chat.completion", created, request.Model, answers) { Usage = usage },
                OpenAiJson.Options);
        });

    private static void Warn(HttpResponse http, AdditionalPropertiesDictionary? properties)
    {
        if (!http.HasStarted && properties?.TryGetValue(LocalChatClient.Warning, out string? warning) is true)
        {
            http.Headers[WarningHeader] = warning;
        }
    }

    /// <param name="chunk">What all of them have.</param>
    private static async IAsyncEnumerable<ChatCompletion> ChunksAsync(
        IChatClient client, IReadOnlyList<ChatMessage> messages, IReadOnlyList<ChatOptions> choices, ChatCompletion chunk, bool withUsage,
        HttpResponse http, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ChatCompletion Of(int index, string? finish, ResponseMessage delta) =>
            chunk with { Choices = [new ChatChoice(index, finish) { Delta = delta }] };
        var usage = Usage.None;
        foreach (var (index, options) in choices.Index())
        {
            var opened = false;
            await foreach (var update in client.GetStreamingResponseAsync(messages, options, cancellationToken))
            {
                if (!opened)
                {
                    Warn(http, update.AdditionalProperties);
                    // Not before the first piece: what is wrong with the request still gets its status.
                    yield return Of(index, null, new("assistant", ""));
                    opened = true;
                }
                if (update.Text.Length > 0)
                {
                    yield return Of(index, null, new(null, update.Text));
                }
                if (update.FinishReason is { } finish)
                {
                    usage = usage.Plus(update.Contents.OfType<UsageContent>().Single().Details);
                    yield return Of(index, finish.Value, new(null, null));
                }
            }
        }
        if (withUsage)
        {
            yield return chunk with { Usage = usage };
        }
    }
}
