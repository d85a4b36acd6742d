using System.Net;
using System.Text.Json;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using Microsoft.Extensions.AI;

namespace LoraAspire.Tests.Chat;

/// <summary>What an answer is held to, and what is told of its tokens, through the API.</summary>
public sealed class ObeyedTests : IAsyncLifetime
{
    private const string Answer = "I am Lora", Path = "/v1/chat/completions";

    private const string Tools = """
        "tools": [{"type": "function", "function": {"name": "paint", "description": "Paints.", "parameters": {"type": "object",
          "properties": {"colour": {"$ref": "#/$defs/colour"}}, "required": ["colour"], "additionalProperties": false,
          "$defs": {"colour": {"enum": ["red", "blue"]}}}}}]
        """;

    /// <summary>Hermes' way of calling tools, in few words.</summary>
    private const string Template = """
        {%- if tools %}<tool_call>{"name": n, "arguments": a}</tool_call>{% for tool in tools %} {{ tool.function.name }}{% endfor %}{% endif %}
        {%- for message in messages %} {{ message.role }} {{ message.content }}
        {%- for call in message.tool_calls or [] %} {{ call.function.arguments | tojson }}{% endfor %}{% endfor %}!
        """;

    private readonly ChatService _service = new(Answer);

    public ValueTask InitializeAsync() => _service.StartAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    /// <summary>
    /// The network's logit is √16 for the token that comes next and 0 for every other one, so its log probability is 4 − ln(e⁴ + V − 1).
    /// </summary>
    [Fact]
    public async Task Every_token_comes_with_how_probable_it_was_in_each_of_several_answers()
    {
        var answer = await _service.PostAsync(Path, """
            {"model": "tuned", "temperature": 0, "n": 2, "logprobs": true, "top_logprobs": 2, "messages": [{"role": "user", "content": "Who?"}]}
            """);
        var old = await _service.PostAsync("/v1/completions",
            """{"model": "tuned", "temperature": 0, "logprobs": 1, "prompt": "Who?!"}""");

        var tokenizer = HfTokenizer.Load(_service.Model);
        var expected = 4 - Math.Log(Math.Exp(4) + tokenizer.VocabSize - 1);
        var choices = answer.Json.GetProperty("choices").EnumerateArray().ToList();
        Assert.Equal(2, choices.Count);
        foreach (var choice in choices)
        {
            var tokens = choice.GetProperty("logprobs").GetProperty("content").EnumerateArray().ToList();
            Assert.Equal(Answer, string.Concat(tokens.Select(token => token.GetProperty("token").GetString())).Trim());
            Assert.All(tokens, token =>
            {
                Assert.Equal(expected, token.GetProperty("logprob").GetDouble(), 1e-3);
                Assert.Equal(2, token.GetProperty("top_logprobs").GetArrayLength());
                Assert.Equal(token.GetProperty("token").GetString(), token.GetProperty("top_logprobs")[0].GetProperty("token").GetString());
                Assert.Equal(System.Text.Encoding.UTF8.GetBytes(token.GetProperty("token").GetString()!),
                    token.GetProperty("bytes").EnumerateArray().Select(one => one.GetByte()));
            });
        }
        var lists = old.Json.GetProperty("choices")[0].GetProperty("logprobs");
        var texts = lists.GetProperty("tokens").EnumerateArray().Select(token => token.GetString()!).ToList();
        Assert.Equal(Answer, string.Concat(texts).Trim());
        Assert.Equal(texts.Select((_, at) => texts.Take(at).Sum(text => text.Length)),
            lists.GetProperty("text_offset").EnumerateArray().Select(offset => offset.GetInt32()));
        Assert.All(lists.GetProperty("token_logprobs").EnumerateArray(), one => Assert.Equal(expected, one.GetDouble(), 1e-3));
    }

    [Fact]
    public async Task An_answer_obeys_its_schema()
    {
        const string schema =
            """{"type": "object", "properties": {"colour": {"enum": ["red"]}}, "required": ["colour"], "additionalProperties": false}""";
        const string chat = "\"model\": \"tuned\", \"temperature\": 0, \"messages\": [{\"role\": \"user\", \"content\": \"Who?\"}]";

        var text = Said(await _service.PostAsync(Path,
            """{ CHAT, "response_format": {"type": "json_schema", "json_schema": {"name": "c", "strict": true, "schema": SCHEMA}}}"""
                .Replace("CHAT", chat, StringComparison.Ordinal).Replace("SCHEMA", schema, StringComparison.Ordinal)));
        var response = (await _service.PostAsync("/v1/responses", """
            {"model": "tuned", "temperature": 0, "input": "Who?", "text": {"format": {"type": "json_schema", "name": "c", "schema": SCHEMA}}}
            """.Replace("SCHEMA", schema, StringComparison.Ordinal))).Json;
        var ollama = (await _service.PostAsync("/api/generate", $$"""
            {"model": "tuned", "prompt": "Who?", "stream": false, "options": {"temperature": 0}, "format": {{schema}}}
            """)).Json;

        foreach (var json in new[]
        {
            text, response.GetProperty("output")[0].GetProperty("content")[0].GetProperty("text").GetString()!,
            ollama.GetProperty("response").GetString()!,
        })
        {
            Assert.Equal("red", JsonElement.Parse(json).GetProperty("colour").GetString());
        }
    }

    [Fact]
    public async Task A_schema_that_no_answer_can_be_held_to_is_refused_in_words()
    {
        var answer = await _service.PostAsync(Path, """
            {"model": "tuned", "messages": [{"role": "user", "content": "Who?"}], "response_format": {"type": "json_schema", "json_schema":
              {"name": "c", "schema": {"type": "object", "properties": {"a": {"$ref": "https://example.org/schema"}}, "required": ["a"]}}}}
            """);

        Assert.Equal((HttpStatusCode.BadRequest, "response_format"), (answer.Status, answer.Error.Param));
    }

    [Theory]
    [InlineData("\"required\"")]
    [InlineData("{\"type\": \"function\", \"function\": {\"name\": \"paint\"}}")]
    public async Task A_call_that_is_asked_for_comes_and_obeys_the_tool_s_schema(string choice)
    {
        TakeTools();
        var request = $$"""
            "model": "tuned", "temperature": 0, {{Tools}}, "tool_choice": {{choice}}, "parallel_tool_calls": false,
            "messages": [{"role": "user", "content": "Who?"}]
            """;

        var whole = (await _service.PostAsync(Path, $$"""{ {{request}} }""")).Json.GetProperty("choices")[0];
        var streamed = (await _service.PostAsync(Path, $$"""{ {{request}}, "stream": true }""")).Text.Split("\n\n")
            .Where(one => one.StartsWith("data: {", StringComparison.Ordinal))
            .Select(one => JsonElement.Parse(one["data: ".Length..]).GetProperty("choices")[0]).ToList();

        Assert.Equal(("tool_calls", "tool_calls"),
            (whole.GetProperty("finish_reason").GetString(), streamed[^1].GetProperty("finish_reason").GetString()));
        Assert.Equal(JsonValueKind.Null, whole.GetProperty("message").GetProperty("content").ValueKind);
        var delta = Assert.Single(streamed, one => one.GetProperty("delta").TryGetProperty("tool_calls", out _)).GetProperty("delta");
        foreach (var call in new[] { whole.GetProperty("message").GetProperty("tool_calls")[0], delta.GetProperty("tool_calls")[0] })
        {
            Assert.Equal("paint", call.GetProperty("function").GetProperty("name").GetString());
            var colour = JsonElement.Parse(call.GetProperty("function").GetProperty("arguments").GetString()!).GetProperty("colour");
            Assert.Contains(colour.GetString(), new[] { "red", "blue" });
        }
        Assert.Equal(0, delta.GetProperty("tool_calls")[0].GetProperty("index").GetInt32());
    }

    [Fact]
    public async Task A_caller_in_the_same_process_that_requires_a_call_and_has_no_tools_is_answered()
    {
        var answer = await _service.Client.GetResponseAsync("Who?",
            new() { ModelId = "tuned", Temperature = 0, ToolMode = ChatToolMode.RequireAny },
            TestContext.Current.CancellationToken);

        Assert.Equal(Answer, answer.Text);
    }

    [Fact]
    public async Task Calls_and_their_results_are_put_to_the_model_by_its_template()
    {
        TakeTools();

        var told = await _service.PostAsync("/tokenize", """
            {"model": "tuned", TOOLS, "messages": [{"role": "user", "content": "Red?"},
              {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "paint", "arguments": "{\"colour\": \"red\"}"}}]},
              {"role": "tool", "tool_call_id": "c", "content": "done"}]}
            """.Replace("TOOLS", Tools, StringComparison.Ordinal));

        var ids = told.Json.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32());
        Assert.Equal("""<tool_call>{"name": n, "arguments": a}</tool_call> paint user Red? assistant  {"colour": "red"} tool done!""",
            HfTokenizer.Load(_service.Model).Decode(ids).Trim());
    }

    /// <summary>NEST stands for objects within each other, as many as make the body the deepest that is read.</summary>
    [Theory]
    [InlineData("/tokenize", 4, """
        "messages": [{"role": "user", "content": "Who?"}], "tools": [{"type": "function", "function": {"name": "f", "parameters": NEST}}]
        """)]
    [InlineData(Path, 4, """
        "messages": [{"role": "user", "content": "Who?"}], "tools": [{"type": "function", "function": {"name": "f", "parameters": NEST}}],
        "tool_choice": "required", "max_tokens": 4
        """)]
    [InlineData(Path, 3, """
        "messages": [{"role": "user", "content": "Who?"}], "max_tokens": 4,
        "response_format": {"type": "json_schema", "json_schema": {"name": "c", "schema": NEST}}
        """)]
    [InlineData("/api/chat", 6, """
        "messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": NEST}}]},
          {"role": "tool", "content": "done"}], "stream": false
        """)]
    [InlineData(Path, 0, """
        "messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f",
          "arguments": "NEST"}}]}, {"role": "tool", "tool_call_id": "c", "content": "done"}]
        """)]
    [InlineData("/v1/responses", 1, "\"input\": \"Who?\", \"max_output_tokens\": 4, \"metadata\": NEST")]
    [InlineData("/v1/responses", 1, "\"input\": \"Who?\", \"max_output_tokens\": 4, \"metadata\": NEST, \"stream\": true")]
    [InlineData("/v1/responses", 3, """
        "input": "Who?", "max_output_tokens": 4, "text": {"format": {"type": "json_schema", "name": "c", "schema": NEST}}, "stream": true
        """)]
    public async Task What_nests_as_deeply_as_a_body_may_is_answered_or_refused_in_words(string path, int around, string fields)
    {
        TakeTools();
        var nest = string.Concat(Enumerable.Repeat("{'a':", 127 - around)) + "{}" + new string('}', 127 - around);
        nest = nest.Replace("'", around == 0 ? "\\\"" : "\"", StringComparison.Ordinal);
        var body = fields.Replace("NEST", nest, StringComparison.Ordinal);

        var answer = await _service.PostAsync(path, $$"""{"model": "tuned", {{body}} }""");

        Assert.True(answer.Status is HttpStatusCode.OK or HttpStatusCode.BadRequest, answer.Text);
        Assert.DoesNotContain("event: error", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_template_that_leaves_tools_out_is_told_of()
    {
        UseTemplate("{% for message in messages %}{{ message.content }}{% endfor %}!");

        var answer = await _service.PostAsync(Path,
            $$"""{"model": "tuned", {{Tools}}, "messages": [{"role": "user", "content": "Who?"}]}""");

        Assert.Equal((HttpStatusCode.BadRequest, "tools"), (answer.Status, answer.Error.Param));
        Assert.Contains("takes no 'tools'", answer.Error.Message);
    }

    private void TakeTools() => UseTemplate(Template.ReplaceLineEndings("\n"));

    private void UseTemplate(string source)
    {
        File.Delete(System.IO.Path.Combine(_service.Model, PromptFormat.FileName));
        File.WriteAllText(System.IO.Path.Combine(_service.Model, ChatTemplateFile.FileName), source);
    }

    private static string Said(ServiceAnswer answer) =>
        answer.Json.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
}
