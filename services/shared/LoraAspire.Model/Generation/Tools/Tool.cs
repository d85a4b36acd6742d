using System.Text.Json;
using LoraAspire.Model.Generation.Constraints;
using LoraAspire.Model.Generation.Constraints.Patterns;
using LoraAspire.Model.Generation.Constraints.Schemas;

namespace LoraAspire.Model.Generation.Tools;

/// <summary>A tool as OpenAI's API describes it.</summary>
/// <param name="QuotedName">As it stands in JSON.</param>
/// <param name="Arguments">The schema of its arguments.</param>
internal sealed record Tool(byte[] QuotedName, Conjunction Arguments)
{
    private static readonly JsonElement s_none =
        JsonElement.Parse("""{"type": "object", "properties": {}, "additionalProperties": false}""");

    /// <param name="name">The only one that is asked for; null: all.</param>
    /// <exception cref="ConstraintException">No list of tools, or no tool of this name.</exception>
    public static IReadOnlyList<Tool> Read(JsonElement tools, string? name)
    {
        if (tools.ValueKind != JsonValueKind.Array)
        {
            throw new ConstraintException("a list of tools is meant", "#");
        }
        List<Tool> all = [];
        foreach (var (index, tool) in tools.EnumerateArray().Index())
        {
            SchemaDocument whole = new(tool, $"#/{index}");
            if (tool.ValueKind != JsonValueKind.Object || !tool.TryGetProperty("function", out var function)
                || function.ValueKind != JsonValueKind.Object || !function.TryGetProperty("name", out var named)
                || named.ValueKind != JsonValueKind.String)
            {
                throw whole.Root.Refused("a tool is {\"type\": \"function\", \"function\": {\"name\": …, \"parameters\": …}}");
            }
            if (name is null || named.ValueEquals(name))
            {
                var schema = function.TryGetProperty("parameters", out var parameters) && parameters.ValueKind != JsonValueKind.Null
                    ? parameters : s_none;
                all.Add(new(JsonText.Quoted(named.GetString()!), AnObject(new(schema, $"#/{index}/function/parameters"))));
            }
        }
        return all.Count > 0 ? all : throw new ConstraintException(name is null ? "there is no tool to call"
            : $"there is no tool named '{name}'", "#");
    }

    /// <summary>Arguments are an object, whatever else a schema allows.</summary>
    private static Conjunction AnObject(SchemaDocument schema)
    {
        SchemaDocument anObject = new(JsonElement.Parse("""{"type": "object"}"""), $"{schema.Root.Pointer} (an object)");
        return Conjunction.Of(schema.Root).And(Conjunction.Of(anObject.Root));
    }
}
