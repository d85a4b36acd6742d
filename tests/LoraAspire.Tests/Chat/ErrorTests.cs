using System.Net;
using System.Runtime.CompilerServices;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Constraints;
using Microsoft.Extensions.AI;

namespace LoraAspire.Tests.Chat;

/// <summary>
/// Whatever is wrong with a request: the shape that the client's API has, the field at fault, and no name of this program's own.
/// </summary>
public sealed class ErrorTests : IAsyncLifetime
{
    private const string Chat = "/v1/chat/completions", User = """ "messages":[{"role":"user","content":"Who?"}] """;

    private readonly ChatService _service = new("I am Lora");

    public ValueTask InitializeAsync() => _service.StartAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Theory]
    [InlineData("", null)]
    [InlineData("{", null)]
    [InlineData("[1]", null)]
    [InlineData("null", null)]
    [InlineData("{\"model\":\"tuned\",\"model\":\"tuned\"}", null)]
    [InlineData("{\"model\":\"tuned\",\"messages\":[null]}", "messages[0]")]
    [InlineData("{\"model\":\"tuned\",\"messages\":[]}", "messages")]
    [InlineData("{\"model\":\"tuned\",\"messages\":\"Who?\"}", "messages")]
    [InlineData("{\"model\":\"tuned\",\"messages\":[{\"content\":\"x\"}]}", "messages[0].role")]
    [InlineData("{\"model\":\"tuned\",\"messages\":[{\"role\":\"user\"}]}", "messages[0].content")]
    [InlineData("{\"model\":\"tuned\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}",
        "messages[0].content[0].type")]
    [InlineData("{\"model\":\"tuned\",\"messages\":[{\"role\":\"user\",\"content\":\"\\ud800\"}]}", "messages")]
    [InlineData("{\"model\":\"tuned\",\"\\udfff\":1}", "model")]
    [InlineData("{\"model\":\"tuned\",\"stop\":[\"a\",\"\\uD83D\"]}", "stop")]
    [InlineData("{\"model\":\"tuned\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"function\":"
        + "{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": [\\\"\\\\ud800\\\"]}\"}}]}]}", "messages[0].tool_calls[0].function.arguments")]
    [InlineData("{\"model\":\"tuned\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"function\":"
        + "{\"name\":\"f\",\"arguments\":\"{\\\"\\\\udfff\\\": 1}\"}}]}]}", "messages[0].tool_calls[0].function.arguments")]
    [InlineData("{\"model\":5}", "model")]
    [InlineData("{\"model\":\"tuned\",\"temperature\":\"hot\"}", "temperature")]
    [InlineData("{\"model\":\"tuned\",\"temperature\":2.5}", "temperature")]
    [InlineData("{\"model\":\"tuned\",\"top_p\":-0.1}", "top_p")]
    [InlineData("{\"model\":\"tuned\",\"n\":0}", "n")]
    [InlineData("{\"model\":\"tuned\",\"n\":1.5}", "n")]
    [InlineData("{\"model\":\"tuned\",\"max_tokens\":0}", "max_tokens")]
    [InlineData("{\"model\":\"tuned\",\"max_completion_tokens\":99999999999999999999}", "max_completion_tokens")]
    [InlineData("{\"model\":\"tuned\",\"stop\":[\"\"]}", "stop")]
    [InlineData("{\"model\":\"tuned\",\"frequency_penalty\":3}", "frequency_penalty")]
    [InlineData("{\"model\":\"tuned\",\"logit_bias\":{\"x\":1}}", "logit_bias")]
    [InlineData("{\"model\":\"tuned\",\"logit_bias\":{\"5\":101}}", "logit_bias")]
    [InlineData("{\"model\":\"tuned\",\"logit_bias\":{\"99999999\":1},MESSAGES}", "logit_bias")]
    [InlineData("{\"model\":\"tuned\",\"top_logprobs\":2}", "top_logprobs")]
    [InlineData("{\"model\":\"tuned\",\"logprobs\":true,\"top_logprobs\":21}", "top_logprobs")]
    [InlineData("{\"model\":\"tuned\",\"stream_options\":{\"include_usage\":true},MESSAGES}", "stream_options")]
    [InlineData("{\"model\":\"tuned\",\"response_format\":{\"type\":\"xml\"}}", "response_format.type")]
    [InlineData("{\"model\":\"tuned\",\"response_format\":{\"type\":\"json_schema\"}}", "response_format.json_schema")]
    [InlineData("{\"model\":\"tuned\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\"}}}",
        "response_format.json_schema.schema")]
    [InlineData("{\"model\":\"tuned\",\"tools\":[{\"type\":\"web\"}]}", "tools[0].type")]
    [InlineData("{\"model\":\"tuned\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}]}", "tools[0].function.name")]
    [InlineData("{\"model\":\"tuned\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],MESSAGES}", "tools")]
    [InlineData("{\"model\":\"tuned\",\"tool_choice\":\"required\"}", "tool_choice")]
    [InlineData("{\"model\":\"tuned\",\"functions\":[{\"name\":\"f\"}]}", "functions")]
    [InlineData("{\"model\":\"tuned\",\"modalities\":[\"audio\"]}", "modalities")]
    [InlineData("{MESSAGES}", "model")]
    public async Task A_bad_chat_is_400_with_the_field_at_fault(string body, string? param)
    {
        var answer = await _service.PostAsync(Chat, body.Replace("MESSAGES", User, StringComparison.Ordinal));

        Assert.Equal((HttpStatusCode.BadRequest, "invalid_request_error", param), (answer.Status, answer.Error.Type, answer.Error.Param));
        AssertWords(answer);
    }

    [Theory]
    [InlineData("/v1/completions", """{"model":"tuned"}""", "prompt")]
    [InlineData("/v1/completions", """{"model":"tuned","prompt":[1,"a"]}""", "prompt")]
    [InlineData("/v1/completions", """{"model":"tuned","prompt":[99999999]}""", "prompt")]
    [InlineData("/v1/completions", """{"model":"tuned","prompt":"a","suffix":"b"}""", "suffix")]
    [InlineData("/v1/completions", """{"model":"tuned","prompt":"a","best_of":2}""", "best_of")]
    [InlineData("/v1/completions", """{"model":"tuned","prompt":"a","echo":true,"logprobs":1}""", "logprobs")]
    [InlineData("/v1/embeddings", """{"model":"tuned"}""", "input")]
    [InlineData("/v1/embeddings", """{"model":"tuned","input":""}""", "input")]
    [InlineData("/v1/embeddings", """{"model":"tuned","input":[]}""", "input")]
    [InlineData("/v1/embeddings", """{"model":"tuned","input":"a","dimensions":8}""", "dimensions")]
    [InlineData("/v1/embeddings", """{"model":"tuned","input":"a","encoding_format":"int8"}""", "encoding_format")]
    [InlineData("/v1/responses", """{"model":"tuned"}""", "input")]
    [InlineData("/v1/responses", """{"model":"tuned","input":[{"type":"function_call"}]}""", "input[0].type")]
    [InlineData("/v1/responses", """{"model":"tuned","input":"a","previous_response_id":"x"}""", "previous_response_id")]
    [InlineData("/v1/responses", """{"model":"tuned","input":"a","tools":[{"type":"web_search"}]}""", "tools")]
    [InlineData("/tokenize", """{"model":"tuned"}""", "prompt")]
    [InlineData("/detokenize", """{"model":"tuned","tokens":["a"]}""", "tokens")]
    [InlineData("/detokenize", """{"model":"tuned","tokens":[-1]}""", "tokens")]
    public async Task So_is_a_bad_request_of_another_kind(string path, string body, string param)
    {
        var answer = await _service.PostAsync(path, body);

        Assert.Equal((HttpStatusCode.BadRequest, param), (answer.Status, answer.Error.Param));
        AssertWords(answer);
    }

    [Fact]
    public async Task What_there_is_not_and_what_is_not_asked_so_have_the_shape_too()
    {
        Assert.Equal(HttpStatusCode.NotFound, (await Shaped(_service.GetAsync("/v1/nothing"))).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await Shaped(_service.GetAsync("/v1/models/nobody"))).Status);
        var method = await Shaped(_service.GetAsync(Chat));
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "/v1/chat/completions takes POST and not GET."),
            (method.Status, method.Error.Message));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await Shaped(_service.PostAsync(Chat, "{}", "text/plain"))).Status);
        using ByteArrayContent latin = new([.. "{\"model\":\""u8, 0xE4, .. "\"}"u8]);
        latin.Headers.ContentType = new("application/json");
        var broken = await Shaped(_service.SendAsync(new(HttpMethod.Post, Chat) { Content = latin }));
        Assert.Equal((HttpStatusCode.BadRequest, "The body is not UTF-8."), (broken.Status, broken.Error.Message));
        var large = await Shaped(_service.SendAsync(new(HttpMethod.Post, Chat)
        {
            Content = new ByteArrayContent(new byte[(16 << 20) + 1]) { Headers = { ContentType = new("application/json") } },
            Headers = { ExpectContinue = true },
        }));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.Status);
    }

    [Theory]
    [InlineData("/api/nothing", "{}", HttpStatusCode.NotFound)]
    [InlineData("/api/tags", "{}", HttpStatusCode.MethodNotAllowed)]
    [InlineData("/api/chat", "{", HttpStatusCode.BadRequest)]
    [InlineData("/api/chat", """{"model":"nobody","messages":[{"role":"user","content":"x"}]}""", HttpStatusCode.NotFound)]
    [InlineData("/api/chat", """{"model":"tuned","messages":[null]}""", HttpStatusCode.BadRequest)]
    [InlineData("/api/chat", """{"model":"tuned","messages":[{"role":"user","content":"x"}],"options":{"top_p":"a"}}""",
        HttpStatusCode.BadRequest)]
    [InlineData("/api/generate", """{"model":"tuned","prompt":"a","images":["x"]}""", HttpStatusCode.BadRequest)]
    [InlineData("/api/show", """{"model":"nobody"}""", HttpStatusCode.NotFound)]
    public async Task Under_api_errors_are_Ollama_s(string path, string body, HttpStatusCode status)
    {
        var answer = await _service.PostAsync(path, body);

        Assert.Equal(status, answer.Status);
        var only = Assert.Single(answer.Json.EnumerateObject());
        Assert.Equal("error", only.Name);
        Assert.NotEqual("", only.Value.GetString());
        AssertWords(answer);
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task A_full_queue_is_429_with_the_time_after_which_to_ask_again(string stream)
    {
        await using ChatService full = new("I am Lora",
            new FailingClient(() => new QueueFullException("32 requests wait already.", TimeSpan.FromSeconds(2.5))));
        await full.StartAsync();

        var answer = await full.PostAsync(Chat, $$"""{"model":"tuned","stream":{{stream}},{{User}}}""");

        Assert.Equal((HttpStatusCode.TooManyRequests, "3", "queue_full"), (answer.Status, answer.RetryAfter, answer.Error.Code));
    }

    [Fact]
    public async Task A_fault_of_our_own_is_500_and_says_nothing_of_the_program()
    {
        await using ChatService broken = new("I am Lora",
            new FailingClient(() => new InvalidOperationException("Sequence contains no elements")));
        await broken.StartAsync();

        var answer = await broken.PostAsync(Chat, $$"""{"model":"tuned",{{User}}}""");

        Assert.Equal((HttpStatusCode.InternalServerError, "server_error"), (answer.Status, answer.Error.Type));
        Assert.DoesNotContain("Sequence", answer.Text);
        AssertWords(answer);
    }

    [Fact]
    public async Task What_an_answer_can_not_be_held_to_is_the_request_s_fault_whenever_it_is_found()
    {
        await using ChatService stuck = new("I am Lora", new FailingClient(() => new ConstraintException("No token fits.")));
        await stuck.StartAsync();

        var answer = await stuck.PostAsync(Chat, $$"""{"model":"tuned",{{User}}}""");

        Assert.Equal((HttpStatusCode.BadRequest, "invalid_request_error", "No token fits."),
            (answer.Status, answer.Error.Type, answer.Error.Message));
    }

    [Fact]
    public async Task A_fault_after_the_first_piece_is_told_in_the_stream_as_its_API_has_it()
    {
        await using ChatService broken = new("I am Lora", new FailingClient(() => new InvalidOperationException("x"), pieces: 1));
        await broken.StartAsync();

        var chat = await broken.PostAsync(Chat, $$"""{"model":"tuned","stream":true,{{User}}}""");
        var ollama = await broken.PostAsync("/api/chat", $$"""{"model":"tuned",{{User}}}""");
        var response = await broken.PostAsync("/v1/responses", """{"model":"tuned","stream":true,"input":"Who?"}""");

        Assert.Equal(HttpStatusCode.OK, chat.Status);
        Assert.StartsWith("""data: {"error":{"message":"The service failed""", chat.Text.Split("\n\n")[^2], StringComparison.Ordinal);
        Assert.StartsWith("""{"error":"The service failed""", ollama.Text.Split('\n')[^2], StringComparison.Ordinal);
        Assert.StartsWith("event: error\ndata: {\"type\":\"error\"", response.Text.Split("\n\n")[^2], StringComparison.Ordinal);
    }

    private static async Task<ServiceAnswer> Shaped(Task<ServiceAnswer> asked)
    {
        var answer = await asked;
        Assert.Equal("application/json; charset=utf-8", answer.Type);
        Assert.Equal("invalid_request_error", answer.Error.Type);
        AssertWords(answer);
        return answer;
    }

    private static void AssertWords(ServiceAnswer answer)
    {
        foreach (var word in new[] { "System.", "Exception", "LoraAspire", "   at " })
        {
            Assert.DoesNotContain(word, answer.Text, StringComparison.Ordinal);
        }
    }

    /// <summary>Fails as no model does when it is told, after as many pieces of text.</summary>
    internal sealed class FailingClient(Func<Exception> error, int pieces = 0) : IChatClient
    {
        public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            CancellationToken cancellationToken = default) => throw error();

        public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages,
            ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            for (var i = 0; i < pieces; i++)
            {
                yield return new(ChatRole.Assistant, "I") { RawRepresentation = new LoraAspire.Model.Generation.TextPiece("I", 1) };
            }
            throw error();
        }

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }
}
