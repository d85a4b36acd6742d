using System.Text;
using LoraAspire.Chat.Models;

namespace LoraAspire.Chat.OpenAi;

/// <summary>POST /v1/completions: goes on with a text, without any template.</summary>
public static class CompletionsEndpoint
{
    public static void MapCompletions(this WebApplication app) => app.MapPost("/v1/completions", async (HttpContext http, ModelRunner runner) =>
    {
        var request = await Wire.ReadAsync<CompletionRequest>(http.Request);
        var (prompt, choices) = (request.PromptText(), request.Choices());
        var (id, created) = ($"cmpl-{Guid.NewGuid():N}", DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        Completion Body(params IReadOnlyList<CompletionChoice> parts) => new(id, "text_completion", created, request.Model, parts);

        List<CompletionChoice> answers = [];
        var usage = Usage.None;
        foreach (var options in choices)
        {
            var index = answers.Count;
            var text = new StringBuilder(request.Echo ? prompt : "");
            string? finish = null;
            await foreach (var (piece, promptTokens) in runner.StreamAsync(
                request.Model, model => model.Tokenizer.Encode(prompt, addBos: true), LocalChatClient.Generation(options), http.RequestAborted))
            {
                text.Append(piece.Text);
                finish = piece.Finish?.ToString().ToLowerInvariant();
                usage = finish is null ? usage : usage.Plus(promptTokens, piece.Tokens);
                if (request.Stream)
                {
                    if (!http.Response.HasStarted)
                    {
                        Sse.Start(http.Response);
                    }
                    await Sse.WriteAsync(http.Response, Body(new CompletionChoice(index, piece.Text, finish)), http.RequestAborted);
                }
            }
            answers.Add(new CompletionChoice(index, text.ToString(), finish));
        }
        if (!request.Stream)
        {
            await http.Response.WriteAsJsonAsync(Body(answers) with { Usage = usage }, Wire.Json, http.RequestAborted);
            return;
        }
        if (request.StreamOptions is { IncludeUsage: true })
        {
            await Sse.WriteAsync(http.Response, Body() with { Usage = usage }, http.RequestAborted);
        }
        await Sse.WriteDoneAsync(http.Response, http.RequestAborted);
    });
}
