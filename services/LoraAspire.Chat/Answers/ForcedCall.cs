using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Model.Generation.Constraints.ToolCalls;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.Answers;

/// <summary>
/// A call that an answer has to be (tool_choice "required" or a name): what opens a call is put into its mouth, and the JSON after it has
/// to obey the tools' own schemas.
/// </summary>
/// <param name="Schema">Of the JSON between opening and closing.</param>
internal sealed record ForcedCall(string Opening, string Closing, JsonElement Schema)
{
    private static readonly string[] s_definitions = ["$defs", "definitions"];

    /// <param name="name">Of the one that has to be called; null for any.</param>
    /// <exception cref="RequestException">No such tool.</exception>
    public static ForcedCall Of(IReadOnlyList<AIFunctionDeclaration> tools, string? name, ToolCallFormat format)
    {
        var eligible = tools.Where(tool => name is null || tool.Name == name).ToList();
        if (eligible.Count == 0)
        {
            throw new RequestException($"'tool_choice' names '{name}', which is none of 'tools'.", "tool_choice");
        }
        JsonObject root = [];
        JsonNode[] calls = [.. eligible.Select(tool => Call(tool, format.ArgumentsKey, root))];
        if (calls is [var only])
        {
            foreach (var (key, value) in only.AsObject().ToList())
            {
                only.AsObject().Remove(key);
                root[key] = value;
            }
        }
        else
        {
            root["anyOf"] = new JsonArray(calls);
        }
        return new(format.Opening, format.Closing, JsonElement.Parse(root.ToJsonString()));
    }

    /// <summary>The opening's ids; a mark that the tokenizer has as one token is that token.</summary>
    public int[] OpeningIds(HfTokenizer tokenizer) => Opening.Length == 0 ? [] : PromptFormat.Continuation(Opening, tokenizer);

    private static JsonObject Call(AIFunctionDeclaration tool, string argumentsKey, JsonObject root)
    {
        var arguments = JsonNode.Parse(tool.JsonSchema.GetRawText())!;
        if (arguments is JsonObject schema)
        {
            Hoist(schema, root);
        }
        return new()
        {
            ["type"] = "object",
            ["properties"] = new JsonObject { ["name"] = new JsonObject { ["const"] = tool.Name }, [argumentsKey] = arguments },
            ["required"] = new JsonArray("name", argumentsKey),
            ["additionalProperties"] = false,
        };
    }

    /// <summary>References start at the root, so what they name has to stand there.</summary>
    private static void Hoist(JsonObject schema, JsonObject root)
    {
        foreach (var key in s_definitions.Where(schema.ContainsKey))
        {
            var definitions = schema[key] as JsonObject ?? [];
            schema.Remove(key);
            var all = root[key] as JsonObject ?? [];
            foreach (var (name, definition) in definitions.ToList())
            {
                if (all[name] is { } other && !JsonNode.DeepEquals(other, definition))
                {
                    throw new RequestException(
                        $"Two of the tools define '{name}' under {key}, each its own way: with tool_choice 'required' they need other names.", "tools");
                }
                definitions.Remove(name);
                all[name] = definition;
            }
            root[key] = all;
        }
    }
}
