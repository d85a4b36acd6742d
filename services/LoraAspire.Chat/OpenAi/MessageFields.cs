using System.Text.Json;
using LoraAspire.Chat.Answers;
using LoraAspire.Chat.Requests;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>One of a chat completion's messages.</summary>
internal static class MessageFields
{
    public static ChatMessage Read(RequestFields message)
    {
        var role = message.Text("role") ?? throw message.Missing("role", "system, developer, user, assistant or tool");
        ChatMessage read = role switch
        {
            "system" or "developer" => new(ChatRole.System, Content(message, Part)),
            "user" => new(ChatRole.User, Content(message, Part)),
            "assistant" => Assistant(message),
            "tool" => new(ChatRole.Tool, [new FunctionResultContent(
                message.Text("tool_call_id") ?? throw message.Missing("tool_call_id", "the id of the call that this is the result of"),
                Content(message, Part))]),
            _ => throw message.Bad("role", "must be system, developer, user, assistant or tool"),
        };
        if (role == "tool")
        {
            read.AuthorName = message.Text("name");
            return read;
        }
        message.WithoutEffect(["name"]);
        return read;
    }

    private static ChatMessage Assistant(RequestFields message)
    {
        var calls = (message.Objects("tool_calls") ?? []).Select(Call).ToList();
        message.Refuse("function_call", "send 'tool_calls'");
        message.Refuse("audio", "only text is understood");
        ChatMessage read = new(ChatRole.Assistant,
            calls.Count > 0 && message.Find("content") is null ? "" : Content(message, Part, "refusal"));
        if ((message.Text("reasoning_content") ?? message.Text("reasoning")) is { Length: > 0 } reasoning)
        {
            read.Contents.Add(new TextReasoningContent(reasoning));
        }
        calls.ForEach(read.Contents.Add);
        message.WithoutEffect(["annotations"], "[]");
        return read;
    }

    private static FunctionCallContent Call(RequestFields call)
    {
        var id = call.Text("id") ?? throw call.Missing("id", "what the result names it by");
        if (call.Text("type") is not (null or "function"))
        {
            throw call.Bad("type", "must be function");
        }
        var function = call.Object("function") ?? throw call.Missing("function", "it holds name and arguments");
        var arguments = function.Text("arguments") is { Length: > 0 } text ? text : "{}";
        return ToolCalls.AreArguments(arguments)
            ? ToolCalls.Of(id, function.Text("name") ?? throw function.Missing("name", "which tool was called"), arguments)
            : throw function.Bad("arguments", "must be the text of a JSON object");
    }

    /// <summary>A text, or the texts of a list of parts.</summary>
    /// <param name="part">A part's text.</param>
    /// <param name="instead">A field whose text counts where there is no content.</param>
    public static string Content(RequestFields message, Func<RequestFields, string> part, string? instead = null)
    {
        var other = instead is null ? null : message.Text(instead);
        return message.Find("content") switch
        {
            null => other ?? throw message.Missing("content", "a text or a list of text parts"),
            { ValueKind: JsonValueKind.String } text => text.GetString()!,
            { ValueKind: JsonValueKind.Array } => string.Concat(message.Objects("content")!.Select(part)),
            _ => throw message.Bad("content", "must be a text or a list of text parts"),
        };
    }

    private static string Part(RequestFields part) => part.Text("type") switch
    {
        null or "text" => part.Text("text") ?? throw part.Missing("text", "only parts of text are understood"),
        "refusal" => part.Text("refusal") ?? throw part.Missing("refusal", "the text of a refusal"),
        _ => throw part.Bad("type", "must be text: only text is understood"),
    };
}
