using System.Text.Json;
using LoraAspire.Model;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.Answers;

/// <summary>A function that the caller has and the model may ask it to call.</summary>
internal sealed class RequestTool(string name, string? description, JsonElement parameters) : AIFunctionDeclaration
{
    public override string Name => name;
    public override string Description => description ?? "";
    public override JsonElement JsonSchema => parameters;
}

/// <summary>Calls of tools with their arguments letter for letter, as <see cref="FunctionCallContent"/> has them parsed.</summary>
internal static class ToolCalls
{
    /// <param name="arguments">A JSON object.</param>
    public static FunctionCallContent Of(string id, string name, string arguments)
    {
        using var json = JsonDocument.Parse(arguments, ForeignJson.Read);
        return new(id, name, json.RootElement.EnumerateObject().GroupBy(field => field.Name)
            .ToDictionary(field => field.Key, object? (field) => field.Last().Value.Clone()))
        { RawRepresentation = arguments };
    }

    public static string NewId() => $"call_{Guid.NewGuid():N}";

    public static string Arguments(FunctionCallContent call) =>
        call.RawRepresentation as string ?? JsonSerializer.Serialize(call.Arguments ?? new Dictionary<string, object?>());

    /// <summary>Whether a text is the JSON object that a call's arguments have to be.</summary>
    public static bool AreArguments(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text, ForeignJson.Read);
            return json.RootElement.ValueKind == JsonValueKind.Object && ForeignJson.IsText(json.RootElement);
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
