using LoraAspire.Chat.Requests;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>A body of POST /v1/chat/completions.</summary>
public sealed record ChatRequest(IReadOnlyList<ChatMessage> Messages, LocalChatOptions Options, bool Stream, bool IncludeUsage)
{
    private static readonly string[] s_bookkeeping =
    [
        "metadata", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prediction", "reasoning_effort",
        "verbosity",
    ];

    /// <exception cref="RequestException">It can't be served; the field is named.</exception>
    public static ChatRequest Read(RequestFields body)
    {
        var options = SamplingFields.Read(body);
        options.MaxOutputTokens = (int?)(body.Whole("max_completion_tokens", 1, int.MaxValue) ?? body.Whole("max_tokens", 1, int.MaxValue));
        _ = body.Find("max_tokens");
        options.TopLogprobs = TopLogprobs(body);
        options.ResponseFormat = body.Object("response_format") is { } format ? ResponseFormats.Read(format) : null;
        ToolFields.Read(body, options);
        Unsupported(body);
        var messages = body.Objects("messages") is { Count: > 0 } given ? given
            : throw body.Missing("messages", "it must hold at least one message");
        var (stream, usage) = SamplingFields.Stream(body);
        return new([.. messages.Select(MessageFields.Read)], options, stream, usage);
    }

    private static int? TopLogprobs(RequestFields body)
    {
        var wanted = body.Flag("logprobs") ?? false;
        var top = (int?)body.Whole("top_logprobs", 0, SamplingFields.MostTopLogprobs);
        return top > 0 && !wanted ? throw body.Bad("top_logprobs", "goes with 'logprobs': true only") : wanted ? top ?? 0 : null;
    }

    private static void Unsupported(RequestFields body)
    {
        body.Refuse("audio", "answers are text");
        body.Refuse("modalities", "answers are text", """["text"]""", "[]");
        body.Refuse("functions", "send 'tools'", "[]");
        body.Refuse("function_call", "send 'tool_choice'", "\"none\"");
        body.Refuse("web_search_options", "no model searches the web here");
        body.WithoutEffect(s_bookkeeping, "{}");
        body.WithoutEffect(["store"], "false");
        body.WithoutEffect(["service_tier"], "\"auto\"", "\"default\"");
    }
}
