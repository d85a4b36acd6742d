using System.Text.Json;
using LoraAspire.Chat.OpenAi;

namespace LoraAspire.Fuzz.Targets;

/// <summary>Bodies of requests to the chat service. A JsonException is answered as a bad request, as a RequestException is.</summary>
internal static class ChatTargets
{
    private const string Chat = """
        {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "Who?"}]}], "stream": true, "stream_options": {"include_usage": true},
         "max_tokens": 16, "max_completion_tokens": 9, "temperature": 0.7, "top_p": 0.9, "top_k": 40, "repetition_penalty": 1.1, "seed": 7, "stop": ["###", "</s>"], "n": 2, "tools": []}
        """;
    private const string Plain = """{"model": "m", "prompt": ["Once"], "echo": true, "stop": "x", "max_tokens": 4}""";

    public static IEnumerable<Target> In()
    {
        yield return new("http-chat", () => [AllTargets.Utf8(Chat)], bytes =>
        {
            if (JsonSerializer.Deserialize<ChatCompletionRequest>(bytes, OpenAiJson.Options) is { } request)
            {
                request.ChatMessages();
                request.Choices();
            }
        }, typeof(RequestException), typeof(JsonException))
        { Words = AllTargets.JsonWords };
        yield return new("http-completions", () => [AllTargets.Utf8(Plain)], bytes =>
        {
            if (JsonSerializer.Deserialize<CompletionRequest>(bytes, OpenAiJson.Options) is { } request)
            {
                request.PromptText();
                request.Choices();
            }
        }, typeof(RequestException), typeof(JsonException))
        { Words = AllTargets.JsonWords };
    }
}
