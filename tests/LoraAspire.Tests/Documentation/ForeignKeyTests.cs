using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Pipelines.Yaml.Foreign;

namespace LoraAspire.Tests.Documentation;

/// <summary>docs/from-*.md against the converter.</summary>
public sealed partial class ForeignKeyTests
{
    private const string AlpacaLora = "docs/from-alpaca-lora.md", LlamaFactory = "docs/from-llama-factory.md";
    private const string Axolotl = "docs/from-axolotl.md";
    private const string Keys = "## Keys", Without = "## Without a counterpart";

    /// <summary>What makes a file one of the trainer's, before a key is added.</summary>
    private static readonly Dictionary<string, string> s_least = new()
    {
        [AlpacaLora] = "base_model: a\ndata_path: data/a.json\n",
        [LlamaFactory] = "model_name_or_path: a\ndataset: a\nfinetuning_type: lora\n",
        [Axolotl] = "base_model: a\ndatasets: [{ path: data/a.json, type: alpaca }]\n",
    };

    public static TheoryData<string> Documents => [AlpacaLora, LlamaFactory, Axolotl];

    public static TheoryData<string> WithoutCounterpart => [LlamaFactory, Axolotl];

    [Fact]
    public void Every_key_that_the_converter_knows_stands_in_a_table_and_none_else()
    {
        var own = new[] { typeof(DataBuildParams), typeof(TrainerParams) }.SelectMany(type => type.GetProperties())
            .Where(property => property.CanWrite).Select(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
        var told = s_least.Keys.SelectMany(file => Told(file, Keys).Concat(Told(file, Without))).ToHashSet();

        Assert.Empty(Conversion.Keys.Except(told).Order(StringComparer.Ordinal));
        Assert.Empty(told.Except(Conversion.Keys).Except(own).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(WithoutCounterpart))]
    public void A_key_without_a_counterpart_has_the_reason_that_the_converter_gives(string file)
    {
        foreach (var row in Rows(file, Without))
        {
            foreach (var key in Names(row[0]).Where(key => !s_least[file].Contains(key + ":", StringComparison.Ordinal)))
            {
                var remarks = Conversion.Of($"{s_least[file]}{key}: x\n", "theirs.yaml", "theirs").Remarks;
                Assert.Contains(remarks, remark => remark.Message == $"{key} has no counterpart: {row[1]}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void A_key_of_the_other_table_has_a_counterpart(string file)
    {
        foreach (var key in Told(file, Keys).Where(key => !s_least[file].Contains(key + ":", StringComparison.Ordinal)))
        {
            var remarks = Conversion.Of($"{s_least[file]}{key}: x\n", "theirs.yaml", "theirs").Remarks;
            Assert.DoesNotContain(remarks, remark => remark.Message.StartsWith($"{key} has no counterpart", StringComparison.Ordinal));
        }
    }

    /// <summary>The first block is theirs, the second the pipeline.</summary>
    [Theory]
    [MemberData(nameof(Documents))]
    public void The_two_sides_mean_the_same(string file)
    {
        var blocks = CodeBlock.Of(file);
        var theirs = file == AlpacaLora ? FlagsOf(blocks[0]) : blocks[0].Text;
        var converted = PipelineParser.Parse(Conversion.Of(theirs, "theirs.yaml", "mine").Yaml!, "converted.yaml").Pipeline!;
        var ours = PipelineParser.Parse(blocks[1].Text, blocks[1].ToString()).Pipeline!;

        foreach (var stage in converted.Stages)
        {
            var own = ours.Stages.Single(other => other.Kind == stage.Kind);
            Assert.Equal(Json(stage.With), Json(own.With));
            Assert.Equal(stage.Inputs.Select(input => $"{input.Key} {input.Value}").Order(StringComparer.Ordinal),
                own.Inputs.Select(input => $"{input.Key} {input.Value}").Order(StringComparer.Ordinal));
        }
    }

    private static string Json(StageParams with) => JsonSerializer.Serialize(with, with.GetType(), StageKey.ParamsJson);

    /// <summary>finetune.py's flags, as `lora finetune` reads them, as YAML.</summary>
    private static string FlagsOf(CodeBlock block) => string.Concat(
        FireArguments.Read([.. ShellCommand.Of(block).First().Words.SkipWhile(word => !word.StartsWith('-'))], FinetuneFlags.Known)
            .Select(flag => $"{flag.Key}: {flag.Value}\n"));

    /// <summary>alpaca-lora has no flag without a counterpart.</summary>
    private static IEnumerable<string[]> Rows(string file, string heading) =>
        file == AlpacaLora && heading == Without ? [] : Books.Table(Books.Section(file, heading));

    private static IEnumerable<string> Told(string file, string heading) => Rows(file, heading).SelectMany(row => Names(row[0]));

    /// <summary>`key` or `key: value`.</summary>
    private static IEnumerable<string> Names(string cell) => Name().Matches(cell).Select(match => match.Groups[1].Value);

    [GeneratedRegex("`([a-z0-9_]+)(?::[^`]*)?`")]
    private static partial Regex Name();
}
