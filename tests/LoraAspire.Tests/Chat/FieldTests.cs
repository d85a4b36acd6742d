using System.Net;
using LoraAspire.Chat;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Chat.Requests;
using Microsoft.Extensions.AI;

namespace LoraAspire.Tests.Chat;

/// <summary>What becomes of a request's fields: the model is asked so, or whoever sent them is told.</summary>
public sealed class FieldTests
{
    [Fact]
    public void Every_field_of_sampling_reaches_the_model()
    {
        var (request, warnings) = Chat("""
            "temperature": 0.5, "top_p": 0.25, "top_k": 7, "min_p": 0.125, "repetition_penalty": 1.5, "frequency_penalty": -0.5,
            "presence_penalty": 0.75, "logit_bias": {"5": -100, "6": 1.5}, "logprobs": true, "top_logprobs": 3, "n": 2, "seed": 9,
            "max_completion_tokens": 11, "max_tokens": 12, "stop": ["a", "b"]
            """);

        var options = LocalChatClient.Generation(request.Options);
        Assert.Empty(warnings);
        Assert.Equal((0.5, 0.25, 7, 0.125), (options.Temperature, options.TopP, options.TopK, options.MinP));
        Assert.Equal((1.5, -0.5, 0.75), (options.RepetitionPenalty, options.FrequencyPenalty, options.PresencePenalty));
        Assert.Equal([(5, -100.0), (6, 1.5)], options.LogitBias.Select(bias => (bias.Key, bias.Value)));
        Assert.Equal((3, 2, 9, 11), (options.TopLogprobs, options.Choices, options.Seed, options.MaxNewTokens));
        Assert.Equal(["a", "b"], options.Stop);
    }

    [Fact]
    public void Null_is_the_same_as_a_field_that_is_not_there_for_every_field()
    {
        string[] nullable =
        [
            "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "metadata", "modalities", "n",
            "parallel_tool_calls", "prediction", "presence_penalty", "response_format", "seed", "service_tier", "stop", "store", "stream",
            "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "audio", "functions", "function_call",
            "top_k", "min_p", "repetition_penalty", "reasoning_effort", "verbosity", "web_search_options",
        ];

        var (request, warnings) = Chat(string.Join(", ", nullable.Select(name => $"\"{name}\": null")));

        Assert.Empty(warnings);
        Assert.Equivalent(LocalChatClient.Generation(null), LocalChatClient.Generation(request.Options));
        Assert.False(request.Stream);
    }

    [Fact]
    public void A_field_that_nobody_knows_is_told_wherever_it_stands()
    {
        var (_, warnings) = Chat("""
            "temprature": 0.5, "stream": true, "stream_options": {"usage": true}, "user": "me", "store": true, "store2": null
            """);

        Assert.Equal(["'user' has no effect here.", "'store' has no effect here.",
            "Not known here, and without effect: temprature, store2, stream_options.usage."], warnings);
    }

    [Fact]
    public void Only_so_many_remarks_are_made_of_one_request_and_one_that_stands_twice_is_made_once()
    {
        var messages = string.Join(", ", Enumerable.Repeat("""{"role": "user", "name": "me", "content": "x"}""", 30));
        var body = RequestBody.Parse(System.Text.Encoding.UTF8.GetBytes($$"""{"model": "m", "messages": [{{messages}}], "new": 1}"""));
        _ = ChatRequest.Read(body);
        var responses = RequestBody.Parse("""{"model": "m", "input": "x", "include": ["a", "a"]}"""u8.ToArray());
        _ = ResponseRequest.Read(responses);

        Assert.Equal([.. Enumerable.Range(0, 20).Select(i => $"'messages[{i}].name' has no effect here."), "And 10 more like these.",
            "Not known here, and without effect: new."], body.Warnings());
        Assert.Equal(["'include' of 'a' has no effect here."], responses.Warnings());
    }

    [Fact]
    public void A_tool_s_name_reaches_the_template_and_is_not_told_as_without_effect()
    {
        var body = RequestBody.Parse("""
            {"model": "m", "messages": [{"role": "tool", "name": "add", "tool_call_id": "c", "content": "5"}]}
            """u8.ToArray());

        Assert.Equal("add", ChatRequest.Read(body).Messages[0].AuthorName);
        Assert.Empty(body.Warnings());
    }

    [Theory]
    [InlineData("-1", null)]
    [InlineData("0", 0)]
    [InlineData("null", null)]
    public void Minus_one_is_a_random_seed(string seed, int? expected) =>
        Assert.Equal(expected, LocalChatClient.Generation(Chat($"\"seed\": {seed}").Request.Options).Seed);

    [Theory]
    [InlineData("null", new string[0])]
    [InlineData("\"a\"", new[] { "a" })]
    [InlineData("[]", new string[0])]
    [InlineData("[\"a\", \"\\n\"]", new[] { "a", "\n" })]
    public void Stop_is_nothing_a_text_or_texts(string stop, string[] expected) =>
        Assert.Equal(expected, LocalChatClient.Generation(Chat($"\"stop\": {stop}").Request.Options).Stop);

    [Fact]
    public void Tools_calls_and_results_are_read_into_what_a_chat_template_sees()
    {
        var body = RequestBody.Parse("""
            {"model": "m", "tools": [{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters":
              {"type": "object", "properties": {"a": {"type": "number"}}}}}], "tool_choice": {"type": "function", "function": {"name": "add"}},
             "parallel_tool_calls": false, "messages": [
              {"role": "user", "content": [{"type": "text", "text": "2 + "}, {"type": "text", "text": "3?"}]},
              {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function":
                {"name": "add", "arguments": "{\"b\": 3, \"a\": 2}"}}]},
              {"role": "tool", "tool_call_id": "c1", "content": "5"}]}
            """u8.ToArray());

        var request = ChatRequest.Read(body);

        Assert.Empty(body.Warnings());
        Assert.Equal("2 + 3?", request.Messages[0].Text);
        var call = Assert.Single(request.Messages[1].Contents.OfType<FunctionCallContent>());
        Assert.Equal(("c1", "add", "{\"b\": 3, \"a\": 2}"), (call.CallId, call.Name, call.RawRepresentation));
        var result = Assert.Single(request.Messages[2].Contents.OfType<FunctionResultContent>());
        Assert.Equal(("c1", (object)"5"), (result.CallId, result.Result));
        Assert.Equal(new RequiredChatToolMode("add"), request.Options.ToolMode);
        Assert.False(request.Options.AllowMultipleToolCalls);
        var tool = Assert.IsType<AIFunctionDeclaration>(Assert.Single(request.Options.Tools!), exactMatch: false);
        Assert.Equal(("add", "Adds."), (tool.Name, tool.Description));
    }

    [Fact]
    public void A_header_carries_any_warning_and_no_line_break_of_it()
    {
        var context = new Microsoft.AspNetCore.Http.DefaultHttpContext();

        context.Response.Warn("a\r\nSet-Cookie: x", "模型");

        Assert.Equal(["a??Set-Cookie: x", "??"], context.Response.Headers[WarningHeader.Name].Select(line => line!));
    }

    [Fact]
    public async Task What_has_no_effect_is_told_in_the_header_of_the_answer()
    {
        await using ChatService service = new("I am Lora");
        await service.StartAsync();

        var answer = await service.PostAsync("/v1/chat/completions", """
            {"model": "tuned", "temprature": 0, "temperature": 0, "user": "me", "messages": [{"role": "user", "content": "Who?"}]}
            """);

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal(["'user' has no effect here.", "Not known here, and without effect: temprature."], answer.Warnings);
    }

    private static (ChatRequest Request, List<string> Warnings) Chat(string fields)
    {
        var body = RequestBody.Parse(System.Text.Encoding.UTF8.GetBytes(
            $$"""{"model": "m", "messages": [{"role": "user", "content": "x"}], {{fields}}}"""));
        return (ChatRequest.Read(body), [.. body.Warnings()]);
    }
}
