using System.Text.Json.Serialization;
using LoraAspire.Chat.Answers;
using LoraAspire.Chat.Models;
using LoraAspire.Chat.Requests;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Chat.OpenAi;

/// <param name="Pieces">The vocabulary's own spelling of each token, where they were asked for.</param>
public sealed record TokenList(int Count, int MaxModelLen, IReadOnlyList<int> Tokens)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? TokenStrs { get; init; }
}

/// <param name="Prompt">The text, as vLLM names it.</param>
/// <param name="Content">The same, as llama.cpp names it.</param>
public sealed record TokenText(string Prompt, string Content);

/// <param name="Prompt">The conversation as the model's template writes it, special tokens by their spelling.</param>
/// <param name="Count">Its tokens.</param>
public sealed record TemplatedText(string Prompt, int Count, int MaxModelLen);

/// <summary>POST /tokenize, /detokenize and /apply-template, in the fields of vLLM and of llama.cpp.</summary>
public static class TokensEndpoint
{
    public static void MapTokens(this WebApplication app)
    {
        app.MapPost("/tokenize", async Task<IResult> (HttpContext http, ModelRunner runner) =>
        {
            var body = await RequestBody.ReadAsync(http.Request);
            var model = SamplingFields.Model(body);
            var special = body.Flag("add_special_tokens") ?? body.Flag("add_special") ?? true;
            var pieces = body.Flag("return_token_strs") ?? body.Flag("with_pieces") ?? false;
            var text = body.Text("prompt") ?? body.Text("content");
            var chat = text is null && body.Objects("messages") is { Count: > 0 } messages ? Chat(body, messages) : null;
            if (text is null && chat is null)
            {
                throw body.Missing("prompt", "the text, or a conversation as 'messages'");
            }
            http.Response.Warn(body.Warnings());
            return OpenAiJson.Answer(await runner.UseAsync(model, loaded =>
            {
                var ids = text is null ? chat!.Encode(loaded, 0).Ids : loaded.Tokenizer.Encode(text, addBos: special);
                return new TokenList(ids.Length, loaded.Context, ids)
                {
                    TokenStrs = pieces ? [.. ids.Select(loaded.Tokenizer.Piece)] : null,
                };
            }, http.RequestAborted));
        });
        app.MapPost("/detokenize", async Task<IResult> (HttpContext http, ModelRunner runner) =>
        {
            var body = await RequestBody.ReadAsync(http.Request);
            var model = SamplingFields.Model(body);
            var given = body.Find("tokens") is { ValueKind: System.Text.Json.JsonValueKind.Array } list
                ? PromptFields.Ids(body, "tokens", list) : throw body.Missing("tokens", "a list of token ids");
            http.Response.Warn(body.Warnings());
            var text = await runner.UseAsync(model, loaded => given.Words(loaded.Tokenizer, "tokens"), http.RequestAborted);
            return OpenAiJson.Answer(new TokenText(text, text));
        });
        // max_tokens is what a chat would be asked with: as much of the history is left out for it.
        app.MapPost("/apply-template", async Task<IResult> (HttpContext http, ModelRunner runner) =>
        {
            var body = await RequestBody.ReadAsync(http.Request);
            var model = SamplingFields.Model(body);
            var answer = (int?)body.Whole("max_tokens", 1, int.MaxValue) ?? LocalChatClient.Generation(null).MaxNewTokens;
            var chat = body.Objects("messages") is { Count: > 0 } messages ? Chat(body, messages)
                : throw body.Missing("messages", "the conversation");
            http.Response.Warn(body.Warnings());
            return OpenAiJson.Answer(await runner.UseAsync(model, loaded =>
            {
                var ids = chat.Encode(loaded, answer).Ids;
                return new TemplatedText(SpelledText.Of(ids, loaded.Tokenizer), ids.Length, loaded.Context);
            }, http.RequestAborted));
        });
    }

    private static ChatPrompt Chat(RequestFields body, IReadOnlyList<RequestFields> messages) =>
        new(messages.Select(MessageFields.Read), new() { Tools = [.. ToolFields.Tools(body)] });
}
