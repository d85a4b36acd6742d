using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.Chat.Answers;
using LoraAspire.Chat.Requests;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>tools, tool_choice and parallel_tool_calls.</summary>
internal static partial class ToolFields
{
    private static readonly JsonElement s_anything = JsonElement.Parse("""{"type":"object","properties":{}}""");

    public static void Read(RequestFields body, LocalChatOptions options)
    {
        var tools = Tools(body);
        options.Tools = tools.Count > 0 ? [.. tools] : null;
        options.ToolMode = Choice(body, tools);
        options.AllowMultipleToolCalls = body.Flag("parallel_tool_calls");
    }

    public static IReadOnlyList<AITool> Tools(RequestFields body)
    {
        List<AITool> tools = [];
        foreach (var tool in body.Objects("tools") ?? [])
        {
            if (tool.Text("type") is not "function")
            {
                throw tool.Bad("type", "must be function: other kinds of tools are not supported");
            }
            tools.Add(Function(tool.Object("function") ?? throw tool.Missing("function", "it holds name, description and parameters")));
        }
        return tools;
    }

    private static RequestTool Function(RequestFields function)
    {
        var name = function.Text("name") ?? throw function.Missing("name", "what the model calls it by");
        if (!Name().IsMatch(name))
        {
            throw function.Bad("name", "must be 1 to 64 of the characters a-z, A-Z, 0-9, _ and -");
        }
        if (function.Flag("strict") is true)
        {
            function.Note($"'{function.At("strict")}' holds only where 'tool_choice' is required or names a function.");
        }
        var parameters = function.Find("parameters") ?? s_anything;
        return parameters.ValueKind != JsonValueKind.Object ? throw function.Bad("parameters", "must be a JSON schema, as an object")
            : new RequestTool(name, function.Text("description"), parameters);
    }

    private static ChatToolMode? Choice(RequestFields body, IReadOnlyList<AITool> tools)
    {
        const string field = "tool_choice";
        if (body.Find(field) is not { } choice)
        {
            return null;
        }
        ChatToolMode? mode = choice.ValueKind == JsonValueKind.Object ? ChatToolMode.RequireSpecific(Named(body.Object(field)!))
            : (choice.ValueKind == JsonValueKind.String ? choice.GetString() : null) switch
            {
                "none" => ChatToolMode.None,
                "auto" => null,
                "required" => ChatToolMode.RequireAny,
                _ => throw body.Bad(field, "must be none, auto, required, or an object that names a function"),
            };
        return mode is RequiredChatToolMode && tools.Count == 0 ? throw body.Bad(field, "asks for a call, but there are no 'tools'")
            : mode is RequiredChatToolMode { RequiredFunctionName: { } name } && !tools.Any(tool => tool.Name == name)
            ? throw body.Bad(field, $"names '{name}', which is none of 'tools'") : mode;
    }

    private static string Named(RequestFields choice) =>
        choice.Text("type") is not "function" ? throw choice.Bad("type", "must be function")
            : choice.Object("function") is { } function ? function.Text("name") ?? throw function.Missing("name", "the function to call")
            : throw choice.Missing("function", "it names the function to call");

    [GeneratedRegex("^[a-zA-Z0-9_-]{1,64}$", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
