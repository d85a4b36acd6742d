using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Model;
using Microsoft.Extensions.AI;
using TemplateMessage = LoraAspire.Model.Prompts.ChatMessage;

namespace LoraAspire.Chat.Answers;

/// <summary>Messages and tools as chat templates see them: the dicts of transformers' apply_chat_template.</summary>
internal static class TemplateMessages
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = ForeignJson.WrittenDepth,
    };

    public static List<TemplateMessage> Of(IEnumerable<ChatMessage> messages) =>
        [.. messages.Select(message => TemplateMessage.FromJson(JsonSerializer.SerializeToElement(Message(message), s_json)))];

    /// <summary>The JSON array of functions with their schemas.</summary>
    public static string Tools(IEnumerable<AIFunctionDeclaration> tools) => new JsonArray([.. tools.Select(tool =>
    {
        JsonObject function = new() { ["name"] = tool.Name };
        if (tool.Description.Length > 0)
        {
            function["description"] = tool.Description;
        }
        function["parameters"] = JsonNode.Parse(tool.JsonSchema.GetRawText(), documentOptions: ForeignJson.Read);
        return new JsonObject { ["type"] = "function", ["function"] = function };
    })]).ToJsonString(s_json);

    private static JsonObject Message(ChatMessage message)
    {
        JsonObject said = new() { ["role"] = message.Role.Value, ["content"] = message.Text };
        if (message.Contents.OfType<FunctionResultContent>().FirstOrDefault() is { } result)
        {
            said["content"] = (string?)result.Result;
            said["tool_call_id"] = result.CallId;
        }
        if (message.AuthorName is { } name)
        {
            said["name"] = name;
        }
        if (message.Contents.OfType<TextReasoningContent>().FirstOrDefault() is { } reasoning)
        {
            said["reasoning_content"] = reasoning.Text;
        }
        JsonNode[] calls = [.. message.Contents.OfType<FunctionCallContent>().Select(call => new JsonObject
        {
            ["id"] = call.CallId,
            ["type"] = "function",
            // Templates write the arguments as an object, though OpenAI's API sends them as a text.
            ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = Arguments(call) },
        })];
        if (calls.Length > 0)
        {
            said["tool_calls"] = new JsonArray(calls);
        }
        return said;
    }

    private static JsonNode? Arguments(FunctionCallContent call) =>
        JsonNode.Parse(ToolCalls.Arguments(call), documentOptions: ForeignJson.Read);
}
