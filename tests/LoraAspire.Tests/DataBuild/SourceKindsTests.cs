using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.DataBuild;

/// <summary>A kind of source is its record and its reader: what else speaks of kinds is made from these.</summary>
public sealed class SourceKindsTests
{
    private const string OneOfEach = """
        sources:
          - alpaca: { path: data/a.json, fill: { name: Yanqi }, repeat: 4, columns: { output: x } }
          - chat: { path: data/s.json, sample: 5000 }
          - table: { path: data/r.parquet, templates: ["Is [text]?"], output: "[label]", values: { label: { "0": negative } } }
          - parallel: { path: data/p.tsv, src_lang: Chinese, tgt_lang: English, templates: templates/t.txt, both_directions: true, share: 0.3 }
          - self_cognition: { name: Yanqi, developer: the lab, abilities: [translation], languages: [Chinese, English], written: 3 }
        writer: { provider: ollama, model: m }
        held_out:
          - alpaca: { path: b.json }
        """;

    [Fact]
    public void Every_kind_has_its_reader() => Assert.All(SourceKinds.All.Values, kind => Assert.NotNull(SourceReader.For(kind)));

    [Fact]
    public void The_documentation_has_the_table_of_the_records()
    {
        var table = string.Join('\n', SourceKinds.Table());
        var docs = File.ReadAllText(Path.Combine(GoldenFolder.RepoRoot, "docs", "data.md"));
        Assert.True(docs.Contains($"\n\n{table}\n\n"),
            $"docs/data.md has another table of sources than their records. Paste this:\n\n{table}\n");
    }

    /// <summary>The digest is that of the parameters as they were written before sources were found by their records. The template was
    /// alpaca by default then.</summary>
    [Fact]
    public void Stage_keys_hold_sources_as_they_always_did()
    {
        var with = Parsed(OneOfEach) with { PromptTemplateName = "alpaca" };
        var canonical = StageKey.Canonical(StageKey.Parameters(with));
        Assert.Equal("ccd51cfbb459604faa1b87fc597ca33a76c68f863c3f8278b4eb209a85e6576b",
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical))));
    }

    [Fact]
    public void Sources_come_back_from_their_JSON()
    {
        var json = JsonSerializer.Serialize(Parsed(OneOfEach), StageKey.ParamsJson);
        Assert.Equal(json,
            JsonSerializer.Serialize(JsonSerializer.Deserialize<DataBuildParams>(json, StageKey.ParamsJson), StageKey.ParamsJson));
    }

    [Theory]
    [InlineData("sources: []", "'sources' needs at least one source: alpaca, chat, table, parallel, self_cognition")]
    [InlineData("sources: [ { alpacca: { path: a } } ]", "1:14: unknown key 'alpacca': did you mean 'alpaca'?")]
    [InlineData("sources: [ { alpaca: 5 } ]", "'alpaca' is keys with values, not '5'")]
    [InlineData("sources: [ nonsense ]", "'sources' is keys with values, not 'nonsense'")]
    [InlineData("sources: [ {} ]", "each item names exactly one of alpaca, chat, table, parallel, self_cognition")]
    [InlineData("sources: [ { alpaca: } ]", "each item names exactly one of alpaca, chat, table, parallel, self_cognition")]
    [InlineData("sources: [ { alpaca: { path: a }, chat: { path: b } } ]",
        "each item names exactly one of alpaca, chat, table, parallel, self_cognition")]
    public void An_item_that_names_no_kind_or_two_is_a_mistake(string yaml, string words) =>
        Assert.Contains(words, Assert.Throws<PipelineException>(() => Parsed(yaml)).Message);

    private static DataBuildParams Parsed(string yaml) =>
        (DataBuildParams)PipelineParser.ParseParams(yaml, "with.yaml", StageKinds.DataBuild);
}
