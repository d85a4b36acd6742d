using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.Model.Prompts;

namespace LoraAspire.Tests.Chat;

/// <summary>
/// The bytes of OpenAI's API, of a model whose answer is known: clients split them at blank lines and take what follows "data: ".
/// </summary>
public sealed partial class StreamTests : IAsyncLifetime
{
    private const string Answer = "I am Lora";
    private static readonly DateTimeOffset s_now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly ChatService _service = new(Answer);

    public ValueTask InitializeAsync() => _service.StartAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task A_chat_is_streamed_as_OpenAI_does()
    {
        var (_, type, text) = await PostAsync("/v1/chat/completions",
            """{"model": "tuned", "stream": true, "stream_options": {"include_usage": true}, "temperature": 0, "messages": [{"role":"""
                + """ "user", "content": "Who are you?"}]}""");

        var events = Events(text);
        Assert.StartsWith("text/event-stream", type, StringComparison.Ordinal);
        Assert.Equal(
            """{"id":"ID","object":"chat.completion.chunk","created":1767323045,"model":"tuned","choices":[{"index":0,"finish_reason":"""
                + """null,"delta":{"role":"assistant","content":""}}]}""", events[0]);
        Assert.Equal(
            """{"id":"ID","object":"chat.completion.chunk","created":1767323045,"model":"tuned","choices":[{"index":"""
                + """0,"finish_reason":"stop","delta":{}}]}""", events[^3]);
        Assert.Matches(
            """^\{"id":"ID","object":"chat.completion.chunk","created":1767323045,"model":"tuned","choices":\[\],"usage":"""
                + """\{"prompt_tokens":\d+,"completion_tokens":\d+,"total_tokens":\d+\}\}$""", events[^2]);
        Assert.Equal("[DONE]", events[^1]);
        Assert.Equal(Answer,
            string.Concat(events[1..^3].Select(piece =>
                JsonDocument.Parse(piece).RootElement.GetProperty("choices")[0].GetProperty("delta").GetProperty("content").GetString())));
    }

    [Fact]
    public async Task A_completion_is_streamed_and_given_whole_alike()
    {
        var streamed = Events((await PostAsync("/v1/completions",
            """{"model": "tuned", "stream": true, "temperature": 0, "n": 2, "prompt": "Who are you?!"}""")).Text);
        var (status, type, text) =
            await PostAsync("/v1/completions", """{"model": "tuned", "temperature": 0, "n": 2, "echo": true, "prompt": "Who are you?!"}""");

        var pieces = streamed[..^1].Select(piece => JsonDocument.Parse(piece).RootElement.GetProperty("choices")[0]).ToList();
        var said = pieces.GroupBy(piece => piece.GetProperty("index").GetInt32())
            .Select(one => string.Concat(one.Select(piece => piece.GetProperty("text").GetString()))).ToList();
        var whole = JsonDocument.Parse(text).RootElement;
        Assert.Equal((HttpStatusCode.OK, "application/json; charset=utf-8"), (status, type));
        Assert.Equal([Answer, Answer], said.Select(one => one.Trim()));
        Assert.Equal(said.Select(one => "Who are you?!" + one),
            whole.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("text").GetString()!));
        Assert.Equal(["stop", "stop"],
            whole.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("finish_reason").GetString()!));
        var usage = whole.GetProperty("usage");
        Assert.Equal(usage.GetProperty("prompt_tokens").GetInt32() + usage.GetProperty("completion_tokens").GetInt32(),
            usage.GetProperty("total_tokens").GetInt32());
    }

    [Fact]
    public async Task A_stream_that_can_not_begin_is_an_error_with_its_status()
    {
        var (status, type, text) = await PostAsync("/v1/chat/completions",
            """{"model": "nobody", "stream": true, "messages": [{"role": "user", "content": "Who?"}]}""");

        Assert.Equal((HttpStatusCode.NotFound, "application/json; charset=utf-8"), (status, type));
        Assert.Equal("model_not_found", JsonDocument.Parse(text).RootElement.GetProperty("error").GetProperty("code").GetString());
    }

    /// <summary>The model's own template is another than that of its training: the trained one is used, and whoever asks is told.</summary>
    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task A_model_that_is_not_asked_by_its_own_chat_template_says_so_in_a_header(string stream)
    {
        await File.WriteAllTextAsync(Path.Combine(_service.Model, ChatTemplateFile.FileName), "own {{ messages }}",
            TestContext.Current.CancellationToken);

        var answer = await _service.PostAsync("/v1/chat/completions", $$"""
            {"model": "tuned", "stream": {{stream}}, "temperature": 0, "messages": [{"role": "user", "content": "Who are you?"}]}
            """);

        Assert.Equal("The model was trained with another template than the chat template beside its tokenizer: it is asked with the prompt "
            + "template of its training (prompt_template.json).",
            Assert.Single(answer.Warnings));
    }

    [Fact]
    public async Task A_model_without_a_training_of_its_own_is_asked_by_its_chat_template_or_refuses_in_its_words()
    {
        var model = _service.Model;
        File.Delete(Path.Combine(model, PromptFormat.FileName));
        await File.WriteAllTextAsync(Path.Combine(model, ChatTemplateFile.FileName),
            "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system here') }}{% endif %}{{ m.content }}{% "
                + "endfor %}!",
            TestContext.Current.CancellationToken);

        var (status, _, text) = await PostAsync("/v1/chat/completions",
            """{"model": "tuned", "temperature": 0, "messages": [{"role": "user", "content": "Who are you?"}]}""");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(Answer, JsonDocument.Parse(text).RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content")
            .GetString());

        var (refused, _, words) = await PostAsync("/v1/chat/completions",
            """{"model": "tuned", "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "Who?"}]}""");
        Assert.Equal(HttpStatusCode.BadRequest, refused);
        Assert.Contains("refuses this conversation: No system here", words);
    }

    /// <summary>Nothing but "data: …" and a blank line after each.</summary>
    private static string[] Events(string text)
    {
        Assert.EndsWith("\n\n", text, StringComparison.Ordinal);
        return [.. text[..^2].Split("\n\n").Select(one =>
        {
            Assert.StartsWith("data: ", one, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', one);
            return Id().Replace(one["data: ".Length..], "\"ID\"");
        })];
    }

    private async Task<(HttpStatusCode Status, string? Type, string Text)> PostAsync(string path, string body)
    {
        var answer = await _service.PostAsync(path, body);
        return (answer.Status, answer.Type, answer.Text);
    }

    [GeneratedRegex("\"(chat)?cmpl-[0-9a-f]{32}\"")]
    private static partial Regex Id();
}
