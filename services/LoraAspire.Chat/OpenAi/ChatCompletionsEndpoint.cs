using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>POST /v1/chat/completions: OpenAI's shapes over an <see cref="IChatClient"/>.</summary>
public static class ChatCompletionsEndpoint
{
    public static void MapChatCompletions(this WebApplication app) => app.MapPost("/v1/chat/completions", async (HttpContext http, IChatClient client) =>
    {
        var request = await Wire.ReadAsync<ChatCompletionRequest>(http.Request);
        var (messages, choices) = (request.ChatMessages(), request.Choices());
        var id = $"chatcmpl-{Guid.NewGuid():N}";
        if (request.Stream)
        {
            await StreamAsync(http, client, request, messages, choices, id);
            return;
        }
        List<ChatChoice> answers = [];
        var usage = Usage.None;
        foreach (var options in choices)
        {
            var response = await client.GetResponseAsync(messages, options, http.RequestAborted);
            answers.Add(new ChatChoice(answers.Count, response.FinishReason?.Value) { Message = new("assistant", response.Text) });
            usage = usage.Plus(response.Usage);
        }
        await http.Response.WriteAsJsonAsync(new ChatCompletion(id, "chat.completion", Now(), request.Model, answers) { Usage = usage }, Wire.Json, http.RequestAborted);
    });

    private static async Task StreamAsync(
        HttpContext http, IChatClient client, ChatCompletionRequest request, IReadOnlyList<ChatMessage> messages, IReadOnlyList<ChatOptions> choices, string id)
    {
        var created = Now();
        ChatCompletion Chunk(params IReadOnlyList<ChatChoice> parts) => new(id, "chat.completion.chunk", created, request.Model, parts);
        Task SendAsync(ChatCompletion chunk) => Sse.WriteAsync(http.Response, chunk, http.RequestAborted);
        var usage = Usage.None;
        for (var index = 0; index < choices.Count; index++)
        {
            var opened = false;
            await foreach (var update in client.GetStreamingResponseAsync(messages, choices[index], http.RequestAborted))
            {
                if (!opened)
                {
                    // Not before the first piece: what is wrong with the request still gets its status.
                    if (index == 0)
                    {
                        Sse.Start(http.Response);
                    }
                    await SendAsync(Chunk(new ChatChoice(index, null) { Delta = new("assistant", "") }));
                    opened = true;
                }
                if (update.Text.Length > 0)
                {
                    await SendAsync(Chunk(new ChatChoice(index, null) { Delta = new(null, update.Text) }));
                }
                if (update.FinishReason is { } finish)
                {
                    usage = usage.Plus(update.Contents.OfType<UsageContent>().Single().Details);
                    await SendAsync(Chunk(new ChatChoice(index, finish.Value) { Delta = new(null, null) }));
                }
            }
        }
        if (request.StreamOptions is { IncludeUsage: true })
        {
            await SendAsync(Chunk() with { Usage = usage });
        }
        await Sse.WriteDoneAsync(http.Response, http.RequestAborted);
    }

    private static long Now() => DateTimeOffset.UtcNow.ToUnixTimeSeconds();
}
