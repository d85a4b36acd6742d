using LoraAspire.Chat.OpenAi;
using LoraAspire.Chat.Requests;

namespace LoraAspire.Fuzz.Targets;

/// <summary>Bodies of requests to the chat service. Nothing but a RequestException may come of them.</summary>
internal static class ChatTargets
{
    private const string Chat = """
        {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "Who?"}]}], "stream": true, "stream_options": {"include_usage": true},
         "max_tokens": 16, "max_completion_tokens": 9, "temperature": 0.7, "top_p": 0.9, "top_k": 40, "repetition_penalty": 1.1, "seed": 7, "stop": ["###", "</s>"], "n": 2, "logprobs": true, "top_logprobs": 2, "logit_bias": {"5": -1}, "response_format": {"type": "json_object"},
         "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}], "tool_choice": {"type": "function", "function": {"name": "f"}}, "unknown": 1}
        """;
    private const string Plain = """{"model": "m", "prompt": ["Once"], "echo": true, "stop": "x", "max_tokens": 4}""";

    private const string Response = """
        {"model": "m", "instructions": "s", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Who?"}]}], "stream": true, "max_output_tokens": 9, "metadata": {"a": "b"},
         "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}, "include": ["message.output_text.logprobs"], "top_logprobs": 2}
        """;

    public static IEnumerable<Target> In()
    {
        yield return Body("http-chat", Chat, body => ChatRequest.Read(body));
        yield return Body("http-completions", Plain, body => CompletionRequest.Read(body));
        yield return Body("http-responses", Response, body => ResponseRequest.Read(body));
    }

    private static Target Body(string name, string json, Action<RequestFields> read) => new(name, () => [AllTargets.Utf8(json)], bytes =>
    {
        var body = RequestBody.Parse(bytes);
        read(body);
        body.Warnings().ToList();
    }, typeof(RequestException))
    { Words = AllTargets.JsonWords };
}
