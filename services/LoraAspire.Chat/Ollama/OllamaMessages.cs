using System.Text.Json;
using LoraAspire.Chat.Answers;
using LoraAspire.Chat.Requests;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.Ollama;

/// <summary>The messages of /api/chat. Calls have no ids there: a result belongs to the tool it names.</summary>
internal static class OllamaMessages
{
    public static ChatMessage Read(RequestFields message)
    {
        message.Refuse("images", "only text is understood", "[]");
        var content = message.Text("content") ?? "";
        var role = message.Text("role") ?? throw message.Missing("role", "system, user, assistant or tool");
        ChatMessage read = role switch
        {
            "system" => new(ChatRole.System, content),
            "user" => new(ChatRole.User, content),
            "assistant" => Assistant(message, content),
            "tool" => new(ChatRole.Tool, [new FunctionResultContent(message.Text("tool_call_id") ?? "", content)])
            {
                AuthorName = message.Text("tool_name") ?? message.Text("name"),
            },
            _ => throw message.Bad("role", "must be system, user, assistant or tool"),
        };
        return read;
    }

    private static ChatMessage Assistant(RequestFields message, string content)
    {
        ChatMessage read = new(ChatRole.Assistant, content);
        if (message.Text("thinking") is { Length: > 0 } thinking)
        {
            read.Contents.Add(new TextReasoningContent(thinking));
        }
        foreach (var call in message.Objects("tool_calls") ?? [])
        {
            _ = call.Text("type");
            var function = call.Object("function") ?? throw call.Missing("function", "it holds name and arguments");
            _ = function.Find("index");
            var arguments = function.Find("arguments") ?? JsonElement.Parse("{}");
            read.Contents.Add(arguments.ValueKind != JsonValueKind.Object ? throw function.Bad("arguments", "must be an object")
                : ToolCalls.Of(call.Text("id") ?? ToolCalls.NewId(),
                    function.Text("name") ?? throw function.Missing("name", "which tool was called"), arguments.GetRawText()));
        }
        return read;
    }
}
