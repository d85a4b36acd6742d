using System.Text.Json;
using LoraAspire.Chat.Requests;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>A body of POST /v1/responses, of which text is understood.</summary>
/// <param name="Format">text.format as it came, for the answer to repeat.</param>
/// <param name="Metadata">The caller's own, which the answer repeats.</param>
public sealed record ResponseRequest(IReadOnlyList<ChatMessage> Messages, LocalChatOptions Options, string? Instructions,
    JsonElement? Format, JsonElement? Metadata, bool Stream)
{
    private const string LogprobsIncluded = "message.output_text.logprobs";

    private static readonly string[] s_bookkeeping =
        ["user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "reasoning"];

    /// <exception cref="RequestException">It can't be served; the field is named.</exception>
    public static ResponseRequest Read(RequestFields body)
    {
        body.Refuse("n", "a response has one answer", "1");
        var options = SamplingFields.Read(body);
        options.MaxOutputTokens = (int?)body.Whole("max_output_tokens", 1, int.MaxValue);
        options.TopLogprobs = TopLogprobs(body);
        var text = body.Object("text");
        options.ResponseFormat = text?.Object("format") is { } format ? ResponseFormats.ReadFlat(format) : null;
        text?.WithoutEffect(["verbosity"]);
        Unsupported(body);
        var instructions = body.Text("instructions");
        List<ChatMessage> messages = instructions is null ? [] : [new(ChatRole.System, instructions)];
        messages.AddRange(Input(body));
        return new(messages, options, instructions, text?.Find("format"), MetadataOf(body), body.Flag("stream") ?? false);
    }

    private static JsonElement? MetadataOf(RequestFields body) => body.Find("metadata") is not { } given ? null
        : given.ValueKind == JsonValueKind.Object ? given : throw body.Bad("metadata", "must be an object");

    private static int? TopLogprobs(RequestFields body)
    {
        var included = body.Texts("include");
        foreach (var other in included.Where(one => one != LogprobsIncluded))
        {
            body.Note($"'include' of '{other}' has no effect here.");
        }
        var top = (int?)body.Whole("top_logprobs", 0, SamplingFields.MostTopLogprobs);
        return included.Contains(LogprobsIncluded) || top > 0 ? top ?? 0 : null;
    }

    private static IEnumerable<ChatMessage> Input(RequestFields body)
    {
        var input = body.Find("input") ?? throw body.Missing("input", "a text or a list of messages");
        if (input.ValueKind == JsonValueKind.String)
        {
            return [new(ChatRole.User, input.GetString())];
        }
        var items = body.Objects("input")!;
        return items.Count == 0 ? throw body.Bad("input", "must hold at least one message") : [.. items.Select(Message)];
    }

    private static ChatMessage Message(RequestFields item)
    {
        if (item.Text("type") is not (null or "message"))
        {
            throw item.Bad("type", "must be message: of responses, text alone is supported here; calls of tools are in chat completions");
        }
        // Of answers that are sent back.
        _ = (item.Text("id"), item.Text("status"));
        ChatRole role = item.Text("role") switch
        {
            "system" or "developer" => ChatRole.System,
            "user" => ChatRole.User,
            "assistant" => ChatRole.Assistant,
            null => throw item.Missing("role", "system, developer, user or assistant"),
            _ => throw item.Bad("role", "must be system, developer, user or assistant"),
        };
        return new(role, MessageFields.Content(item, Part));
    }

    private static string Part(RequestFields part)
    {
        _ = (part.Find("annotations"), part.Find("logprobs"));
        return part.Text("type") switch
        {
            "input_text" or "output_text" or "text" => part.Text("text") ?? throw part.Missing("text", "only parts of text are understood"),
            _ => throw part.Bad("type", "must be input_text or output_text: only text is understood"),
        };
    }

    private static void Unsupported(RequestFields body)
    {
        const string stateless = "nothing is stored here: send the whole conversation as 'input'";
        body.Refuse("previous_response_id", stateless);
        body.Refuse("conversation", stateless);
        body.Refuse("prompt", "no prompts are stored here");
        body.Refuse("background", "a response is made while its caller waits", "false");
        body.Refuse("tools", "tools are in chat completions (/v1/chat/completions)", "[]");
        body.Refuse("tool_choice", "tools are in chat completions (/v1/chat/completions)", "\"auto\"", "\"none\"");
        body.WithoutEffect(s_bookkeeping, "{}");
        body.WithoutEffect(["store"], "false");
        body.WithoutEffect(["service_tier"], "\"auto\"", "\"default\"");
        // Where a conversation is too long its oldest turns give way: that is what auto means.
        body.WithoutEffect(["truncation"], "\"auto\"");
        body.WithoutEffect(["max_tool_calls"]);
        body.WithoutEffect(["parallel_tool_calls"], "true", "false");
        body.Object("stream_options")?.WithoutEffect(["include_obfuscation"], "false");
    }
}
