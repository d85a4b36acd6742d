using System.Text.Json;
using LoraAspire.Chat.Ollama;

namespace LoraAspire.Tests.Chat;

/// <summary>The bytes of Ollama's API: one JSON object a line, the last with what the answer cost.</summary>
public sealed class OllamaTests : IAsyncLifetime
{
    private const string Answer = "I am Lora";

    private readonly ChatService _service = new(Answer);

    public ValueTask InitializeAsync() => _service.StartAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task A_chat_is_streamed_in_lines_unless_the_request_says_otherwise()
    {
        const string request =
            """ "model": "tuned:latest", "options": {"temperature": 0}, "messages": [{"role": "user", "content": "Who?"}] """;
        var streamed = await _service.PostAsync("/api/chat", $$"""{ {{request}} }""");
        var whole = (await _service.PostAsync("/api/chat", $$"""{ {{request}}, "stream": false }""")).Json;

        Assert.Equal("application/x-ndjson", streamed.Type);
        var lines = streamed.Text.TrimEnd('\n').Split('\n').Select(line => JsonElement.Parse(line)).ToList();
        Assert.Equal(Answer, string.Concat(lines.Select(line => line.GetProperty("message").GetProperty("content").GetString())));
        Assert.All(lines.SkipLast(1), line => Assert.False(line.GetProperty("done").GetBoolean()));
        foreach (var last in new[] { lines[^1], whole })
        {
            Assert.Equal((true, "stop", "tuned"), (last.GetProperty("done").GetBoolean(), last.GetProperty("done_reason").GetString(),
                last.GetProperty("model").GetString()));
            Assert.True(last.GetProperty("eval_count").GetInt32() > 0 && last.GetProperty("prompt_eval_count").GetInt32() > 0);
            Assert.True(last.TryGetProperty("total_duration", out _));
        }
        Assert.Equal(Answer, whole.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("2026-01-02T03:04:05+00:00", whole.GetProperty("created_at").GetString());
    }

    [Fact]
    public async Task A_text_is_answered_by_the_model_s_template_or_gone_on_with_raw()
    {
        var asked = (await _service.PostAsync("/api/generate",
            """{"model": "tuned", "stream": false, "options": {"temperature": 0}, "prompt": "Who?"}""")).Json;
        var raw = (await _service.PostAsync("/api/generate",
            """{"model": "tuned", "stream": false, "raw": true, "options": {"temperature": 0}, "prompt": "Who?!"}""")).Json;
        var cut = (await _service.PostAsync("/api/generate",
            """{"model": "tuned", "stream": false, "options": {"temperature": 0, "num_predict": 1}, "prompt": "Who?"}""")).Json;

        Assert.Equal(Answer, asked.GetProperty("response").GetString());
        Assert.Equal(Answer, raw.GetProperty("response").GetString()!.Trim());
        Assert.Equal(("length", 1), (cut.GetProperty("done_reason").GetString(), cut.GetProperty("eval_count").GetInt32()));
    }

    [Theory]
    [InlineData("\"prompt\": \"Who?\"")]
    [InlineData("\"prompt\": \"Who?!\", \"raw\": true")]
    [InlineData("\"prompt\": \"\"")]
    public async Task The_time_until_the_model_was_there_is_told_with_a_template_without_and_when_nothing_else_is_asked(string fields)
    {
        _service.Clock.AutoAdvanceAmount = TimeSpan.FromMilliseconds(1);

        var answer = (await _service.PostAsync("/api/generate",
            $$"""{"model": "tuned", "stream": false, "options": {"temperature": 0}, {{fields}}}""")).Json;

        Assert.True(answer.GetProperty("load_duration").GetInt64() > 0);
    }

    [Fact]
    public async Task Models_are_listed_and_shown_from_their_files()
    {
        var tag = (await _service.GetAsync("/api/tags")).Json.GetProperty("models")[0];
        var shown = (await _service.PostAsync("/api/show", """{"model": "tuned"}""")).Json;
        var version = (await _service.GetAsync("/api/version")).Json.GetProperty("version").GetString();

        Assert.Equal(("tuned", "safetensors", "llama"), (tag.GetProperty("name").GetString(),
            tag.GetProperty("details").GetProperty("format").GetString(), tag.GetProperty("details").GetProperty("family").GetString()));
        Assert.Equal(new DirectoryInfo(_service.Model).GetFiles().Sum(file => file.Length), tag.GetProperty("size").GetInt64());
        Assert.Equal(256, shown.GetProperty("model_info").GetProperty("llama.context_length").GetInt32());
        Assert.Equal("{instruction}!", shown.GetProperty("template").GetString());
        Assert.Matches(@"^\d+\.\d+\.\d+$", version);
    }

    [Fact]
    public void A_model_whose_folder_is_gone_when_it_is_looked_at_is_listed_with_what_is_known()
    {
        var tag = OllamaModels.Tag(new("gone", new(Path.Combine(_service.Model, "gone")), _service.Clock.GetUtcNow()));

        Assert.Equal(("gone", 0, "unknown"), (tag.Name, tag.Size, tag.Details.Family));
    }

    [Fact]
    public async Task A_request_without_a_question_brings_the_model_into_memory()
    {
        var answer = await _service.PostAsync("/api/generate", """{"model": "tuned"}""");

        Assert.Equal((true, "load"), (answer.Json.GetProperty("done").GetBoolean(), answer.Json.GetProperty("done_reason").GetString()));
    }

    [Fact]
    public async Task Options_that_do_nothing_here_are_told()
    {
        var answer = await _service.PostAsync("/api/generate",
            """{"model": "tuned", "prompt": "Who?", "keep_alive": "5m", "options": {"temperature": 0, "num_ctx": 4096, "mirror": 1}}""");

        Assert.Equal(["'options.num_ctx' has no effect here.", "'keep_alive' has no effect here.",
            "Not known here, and without effect: options.mirror."], answer.Warnings);
    }
}
