using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using LoraAspire.Pipelines.Yaml.Schemas;
using LoraAspire.Tests.Architecture;
using LoraAspire.Tests.Documentation;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Tests.Pipelines;

/// <summary>What <c>lora schema</c> prints, as an editor holds a file to it.</summary>
public sealed class PipelineSchemaTests
{
    private static readonly JsonObject s_json = PipelineSchema.Create();
    private static readonly JsonSchema s_schema = JsonSchema.FromText(s_json.ToJsonString(), new() { SchemaRegistry = new() });

    [Fact]
    public void Every_pipeline_that_ships_and_every_one_of_the_books_is_taken()
    {
        var shipped = Directory.GetFiles(Path.Combine(SourceFiles.Root, "pipelines"), "*.yaml")
            .Select(file => (Where: file, Text: File.ReadAllText(file)));
        var told = Books.Followed.SelectMany(CodeBlock.Of)
            .Where(block => block.Language == "yaml" && block.Text.Contains("stages:", StringComparison.Ordinal))
            .Select(block => (Where: $"{block}", block.Text));

        Assert.All(shipped.Concat(told), one => Assert.True(Takes(one.Text), one.Where));
    }

    [Theory]
    [InlineData("lora_r: 8", true)]
    [InlineData("lora_r: 0", false)]
    [InlineData("lora_r: many", false)]
    [InlineData("lora_rr: 8", false)]
    [InlineData("lora_rank: 8", true)]
    [InlineData("wandb_project: mine", true)]
    [InlineData("cutoff_len: 8", false)]
    [InlineData("learning_rate: 1e-4", true)]
    [InlineData("lora_target_modules: all-linear", true)]
    [InlineData("lora_target_modules: [q_proj, k_proj]", true)]
    [InlineData("devices: [0, 1]", true)]
    [InlineData("devices: { a: 1 }", false)]
    [InlineData("base_type: nf4", true)]
    [InlineData("base_type: nf5", false)]
    [InlineData("group_by_length: yes please", false)]
    [InlineData("layers_to_transform: null", true)]
    public void A_setting_of_the_trainer_is_taken_where_the_parser_takes_it(string setting, bool taken) =>
        Assert.Equal(taken, Takes($$"""
            name: one
            stages:
              - id: tune
                uses: trainer
                inputs: { dataset: data.dataset, base: model:pebble }
                with: { {{setting}} }
            """));

    [Theory]
    [InlineData("{ id: a, uses: data-build, with: { sources: [{ alpaca: { path: a.json } }] } }", true)]
    [InlineData("{ id: a, uses: data-build, with: { sources: [{ alpaca: { path: a.json }, chat: { path: a.json } }] } }", false)]
    [InlineData("{ id: a, uses: data-build, with: { sources: [{ alpaca: {} }] } }", false)]
    [InlineData("{ id: a, uses: data-build, with: { sources: [{ alpacca: { path: a.json } }] } }", false)]
    [InlineData("{ id: a, uses: data-build, with: { data_path: a.json, base_model: pebble } }", true)]
    [InlineData("{ id: a, uses: evaluator, inputs: { model: b.model, candidates: { early: c.adapter } } }", true)]
    [InlineData("{ id: a, uses: evaluator, inputs: { model: b.model, candidates.early: c.adapter } }", true)]
    [InlineData("{ id: a, uses: evaluator, inputs: { modell: b.model } }", false)]
    [InlineData("{ id: a, uses: merger, with: , timeout: 30m, needs: { gpu_memory: 40GiB } }", true)]
    [InlineData("{ id: a, uses: merger, timeout: long }", false)]
    [InlineData("{ id: a, uses: merge }", false)]
    [InlineData("{ uses: merger }", false)]
    public void A_stage_has_the_keys_of_its_kind(string stage, bool taken) =>
        Assert.Equal(taken, Takes($"name: one\nstages:\n  - {stage}\n"));

    [Fact]
    public void Every_option_says_what_it_means()
    {
        var silent = s_json["definitions"]!.AsObject().Where(type => type.Key != "DataSource")
            .SelectMany(type => type.Value!["properties"]!.AsObject().Where(key => key.Value!["description"] is null)
                .Select(key => $"{type.Key}.{key.Key}"));

        Assert.Empty(silent);
    }

    private static bool Takes(string yaml)
    {
        YamlStream stream = [];
        stream.Load(new StringReader(yaml));
        return s_schema.Evaluate(JsonSerializer.SerializeToElement(Json(stream.Documents[0].RootNode))).IsValid;
    }

    /// <summary>As an editor reads YAML 1.2.</summary>
    private static JsonNode? Json(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(pair => KeyValuePair.Create($"{pair.Key}", Json(pair.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Json)]),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" } => null,
        YamlScalarNode { Style: ScalarStyle.Plain, Value: "true" or "false" } flag => bool.Parse(flag.Value),
        YamlScalarNode { Style: ScalarStyle.Plain } scalar
            when double.TryParse(scalar.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => ((YamlScalarNode)node).Value,
    };
}
