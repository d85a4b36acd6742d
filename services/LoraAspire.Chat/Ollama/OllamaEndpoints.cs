using LoraAspire.Chat.Models;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Chat.Requests;
using LoraAspire.Model.Generation;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.Ollama;

/// <summary>POST /api/chat and /api/generate, as Ollama's clients send them.</summary>
public static class OllamaEndpoints
{
    public static void MapOllama(this WebApplication app)
    {
        app.MapPost("/api/chat", ChatAsync);
        app.MapPost("/api/generate", GenerateAsync);
        app.MapOllamaModels();
    }

    private static async Task<IResult> ChatAsync(HttpContext http, IChatClient client, ModelRunner runner, ModelCatalog catalog,
        TimeProvider clock)
    {
        var body = await RequestBody.ReadAsync(http.Request);
        var options = OllamaOptions.Read(body, catalog);
        options.Tools = ToolFields.Tools(body) is { Count: > 0 } tools ? [.. tools] : null;
        List<ChatMessage> messages = [.. (body.Objects("messages") ?? []).Select(OllamaMessages.Read)];
        OllamaStream stream = new(options.ModelId!, clock, options.TopLogprobs is not null,
            (answer, text, contents) => answer with { Message = OllamaMessage.Of(text, contents) });
        options.Prompted = stream.Say;
        if (messages.Count == 0)
        {
            return await LoadAsync(http, body, runner, stream, options);
        }
        return await AnswerAsync(http, body, stream, Pieces(client, messages, options, http.RequestAborted));
    }

    private static async Task<IResult> GenerateAsync(HttpContext http, IChatClient client, ModelRunner runner, ModelCatalog catalog,
        TimeProvider clock)
    {
        var body = await RequestBody.ReadAsync(http.Request);
        var options = OllamaOptions.Read(body, catalog);
        body.Refuse("suffix", "these models go on with a text and can't fill a gap in one", "\"\"");
        body.Refuse("images", "only text is understood", "[]");
        body.Refuse("template", "a model is asked with its own template; 'raw': true asks without any", "\"\"");
        body.Refuse("context", "nothing is kept between requests: send the conversation to /api/chat", "[]");
        var (prompt, system) = (body.Text("prompt") ?? "", body.Text("system") ?? "");
        OllamaStream stream = new(options.ModelId!, clock, options.TopLogprobs is not null,
            (answer, text, _) => answer with { Response = text });
        options.Prompted = stream.Say;
        if (prompt.Length == 0)
        {
            return await LoadAsync(http, body, runner, stream, options);
        }
        if (body.Flag("raw") is not true)
        {
            List<ChatMessage> messages = system.Length > 0 ? [new(ChatRole.System, system)] : [];
            messages.Add(new(ChatRole.User, prompt));
            return await AnswerAsync(http, body, stream, Pieces(client, messages, options, http.RequestAborted));
        }
        if (system.Length > 0 || options.ResponseFormat is not null)
        {
            throw body.Bad("raw", "goes on with the prompt as it is: leave out 'system' and 'format'");
        }
        CompletionRequest request = new([new(prompt, [])], options, Echo: false, Stream: false, IncludeUsage: false);
        return await AnswerAsync(http, body, stream, CompletionPieces.OfAsync(runner, request, http.RequestAborted).Select(OllamaPiece.Of));
    }

    private static IAsyncEnumerable<OllamaPiece> Pieces(IChatClient client, IReadOnlyList<ChatMessage> messages, LocalChatOptions options,
        CancellationToken cancellationToken) =>
        client.GetStreamingResponseAsync(messages, options, cancellationToken).Select(OllamaPiece.Of);

    /// <summary>Streamed, unless the request says otherwise.</summary>
    private static async Task<IResult> AnswerAsync(HttpContext http, RequestFields body, OllamaStream stream,
        IAsyncEnumerable<OllamaPiece> pieces)
    {
        var streamed = body.Flag("stream") ?? true;
        http.Response.Warn(body.Warnings());
        if (streamed)
        {
            return OllamaJson.Stream(stream.LinesAsync(pieces), stream.Prompted);
        }
        var whole = await stream.WholeAsync(pieces);
        http.Response.Warn(stream.Prompted.Warnings);
        return OpenAiJson.Answer(whole);
    }

    /// <summary>Nothing to answer: the model is brought into memory, which is what Ollama's clients send that for.</summary>
    private static async Task<IResult> LoadAsync(HttpContext http, RequestFields body, ModelRunner runner, OllamaStream stream,
        LocalChatOptions options)
    {
        _ = body.Flag("stream");
        http.Response.Warn(body.Warnings());
        await runner.UseAsync(options.ModelId, bool (LocalModel _) => true, http.RequestAborted);
        stream.Say(null);
        return OpenAiJson.Answer(await stream.WholeAsync(new[] { new OllamaPiece("", [], [], "load", 0, 0) }.ToAsyncEnumerable()));
    }
}
