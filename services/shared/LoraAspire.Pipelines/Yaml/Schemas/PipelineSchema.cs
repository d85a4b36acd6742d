using System.Text.Json.Nodes;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Pipelines.Yaml.Schemas;

/// <summary>
/// A pipeline as JSON Schema (draft 7, which editors speak): every key with its meaning, default and range, from the records. It takes all
/// that the parser takes in its usual spelling; what stages say to each other, and what files hold, <c>lora check</c> knows.
/// </summary>
public sealed class PipelineSchema
{
    private readonly OptionSchemas _options = new();

    public static JsonObject Create() => new PipelineSchema().Whole();

    private JsonObject Whole()
    {
        JsonObject stage = new()
        {
            ["type"] = "object",
            ["required"] = new JsonArray("id", "uses"),
            ["additionalProperties"] = false,
            ["properties"] = new JsonObject
            {
                ["id"] = Text($"Its name in this pipeline: {Identifiers.StageForm}."),
                ["uses"] = new JsonObject
                {
                    ["description"] = "What it does.",
                    ["enum"] = new JsonArray([.. StageKinds.All.Select(kind => (JsonNode)kind.Name)]),
                },
                ["inputs"] = new JsonObject { ["type"] = new JsonArray("object", "null") },
                ["with"] = new JsonObject { ["type"] = new JsonArray("object", "null") },
                ["retries"] = new JsonObject
                {
                    ["description"] = "Attempts after a failed one.",
                    ["type"] = "integer",
                    ["minimum"] = 0,
                    ["maximum"] = 100,
                    ["default"] = 0,
                },
                ["timeout"] = new JsonObject
                {
                    ["description"] = "How long an attempt may take: 90s, 30m, 6h or 2d.",
                    ["type"] = "string",
                    ["pattern"] = @"^[0-9]+(\.[0-9]+)?[smhd]$",
                },
                ["needs"] = new JsonObject
                {
                    ["description"] = "What its worker must have.",
                    ["type"] = new JsonArray("object", "null"),
                    ["additionalProperties"] = false,
                    ["properties"] = new JsonObject { ["gpu_memory"] = OptionSchemas.Scalar($"Of one GPU: {GpuSize.Form}.") },
                },
            },
            ["allOf"] = new JsonArray([.. StageKinds.All.Select(Of)]),
        };
        return new JsonObject
        {
            ["$schema"] = "http://json-schema.org/draft-07/schema#",
            ["title"] = "LoraAspire pipeline",
            ["type"] = "object",
            ["required"] = new JsonArray("name", "stages"),
            ["additionalProperties"] = false,
            ["properties"] = new JsonObject
            {
                ["name"] = OptionSchemas.Scalar($"Under it the newest model is linked: {Identifiers.PipelineForm}."),
                ["stages"] = new JsonObject
                {
                    ["description"] = "Each begins when its inputs are there.",
                    ["type"] = "array",
                    ["minItems"] = 1,
                    ["items"] = stage,
                },
            },
            ["definitions"] = _options.Definitions,
        };
    }

    /// <summary>What <c>inputs</c> and <c>with</c> hold in a stage of this kind.</summary>
    private JsonNode Of(StageKind kind)
    {
        JsonObject ports = [];
        JsonObject named = [];
        foreach (var port in kind.Inputs)
        {
            var words = $"{Capital(port.TakenWords())}{(port.Required ? "" : ", if any")}: STAGE.OUTPUT or model:NAME.";
            ports[port.Name] = !port.Many ? Text(words)
                : new JsonObject { ["description"] = words, ["type"] = "object", ["additionalProperties"] = Text(words) };
            if (port.Many)
            {
                named[$"^{port.Name}\\."] = Text(words);
            }
        }
        return new JsonObject
        {
            ["if"] = new JsonObject
            {
                ["required"] = new JsonArray("uses"),
                ["properties"] = new JsonObject { ["uses"] = new JsonObject { ["const"] = kind.Name } },
            },
            ["then"] = new JsonObject
            {
                ["properties"] = new JsonObject
                {
                    ["uses"] = new JsonObject { ["description"] = Capital(kind.Title) + "." },
                    ["inputs"] = new JsonObject
                    {
                        ["properties"] = ports,
                        ["patternProperties"] = named,
                        ["additionalProperties"] = false,
                    },
                    ["with"] = OptionSchemas.OrNull(_options.Of(kind)),
                },
            },
        };
    }

    private static JsonObject Text(string description) => new() { ["description"] = description, ["type"] = "string" };

    private static string Capital(string words) => char.ToUpperInvariant(words[0]) + words[1..];
}
