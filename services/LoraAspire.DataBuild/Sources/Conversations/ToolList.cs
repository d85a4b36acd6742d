using System.Text.Json;

namespace LoraAspire.DataBuild.Sources.Conversations;

/// <summary>
/// The tools that a conversation was held with: <c>tools</c>, a list or its JSON in a text; or OpenAI's earlier functions.
/// </summary>
internal static class ToolList
{
    /// <returns>The list's JSON where it isn't empty; null for none.</returns>
    public static string? Of(JsonElement row)
    {
        var found = row.TryGetProperty("tools", out var tools) && tools.ValueKind != JsonValueKind.Null ? tools
            : row.TryGetProperty("functions", out var functions) ? functions : default;
        var list = found.ValueKind == JsonValueKind.String ? ChatMessages.Parsed(found.GetString()!) : found;
        return list is { ValueKind: JsonValueKind.Array } known && known.GetArrayLength() > 0 ? known.GetRawText() : null;
    }
}
