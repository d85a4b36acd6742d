using System.Text.Json;
using LoraAspire.Chat.Requests;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>
/// What an answer has to be: any text, a JSON object, or JSON that a schema describes. It is held to that token by token.
/// </summary>
internal static class ResponseFormats
{
    /// <param name="format">response_format of a chat completion.</param>
    public static ChatResponseFormat? Read(RequestFields format) =>
        Type(format) != "json_schema" ? Plain(format)
            : Schema(format.Object("json_schema") ?? throw format.Missing("json_schema", "it holds name and schema"));

    /// <param name="format">text.format of a response: there the schema lies in the format itself.</param>
    public static ChatResponseFormat? ReadFlat(RequestFields format) => Type(format) == "json_schema" ? Schema(format) : Plain(format);

    private static ChatResponseFormat? Plain(RequestFields format) => Type(format) switch
    {
        "text" => null,
        "json_object" => ChatResponseFormat.Json,
        _ => throw format.Bad("type", "must be text, json_object or json_schema"),
    };

    private static string Type(RequestFields format) =>
        format.Text("type") ?? throw format.Missing("type", "text, json_object or json_schema");

    private static ChatResponseFormat Schema(RequestFields described)
    {
        var (name, description) = (described.Text("name"), described.Text("description"));
        // Strict or not, the answer obeys the schema.
        _ = described.Flag("strict");
        return described.Find("schema") switch
        {
            null => throw described.Missing("schema", "the JSON schema that the answer has to obey"),
            { ValueKind: JsonValueKind.Object } schema => ChatResponseFormat.ForJsonSchema(schema, name, description),
            _ => throw described.Bad("schema", "must be a JSON schema, as an object"),
        };
    }
}
