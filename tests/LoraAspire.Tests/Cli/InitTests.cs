using LoraAspire.Cli;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Terminal;

namespace LoraAspire.Tests.Cli;

/// <summary><c>lora init</c> without a terminal.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class InitTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-init-").FullName;
    private readonly CapturedTerminal _terminal = new();

    public InitTests()
    {
        _terminal.Set("LORA_STATE", _folder);
        _terminal.Set("LORA_DATA", _folder);
        _terminal.Set("LORA_MODELS", Path.Combine(GoldenFolder.RepoRoot, "models"));
        File.WriteAllText(Path.Combine(_folder, "rows.json"), """[{ "instruction": "a", "input": "", "output": "b" }]""");
        File.WriteAllText(Path.Combine(_folder, "talks.jsonl"), """{ "conversations": [{ "from": "human", "value": "a" }] }""");
    }

    public void Dispose()
    {
        _terminal.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Target => Path.Combine(_folder, "made.yaml");

    private Task<int> Init(string data = "rows.json", params string[] more) =>
        LoraCommand.RunAsync(["init", "--data", data, "--base", "pebble", "--yaml", Target, .. more]);

    [Fact]
    public async Task What_is_written_can_be_checked_and_run()
    {
        Assert.Equal(0, await Init());

        Assert.Equal($"{Target}\n", _terminal.Out);
        var parsed = PipelineParser.Parse(await File.ReadAllTextAsync(Target, TestContext.Current.CancellationToken), Target);
        Assert.Empty(parsed.Errors.Concat(parsed.Notes));
        Assert.Equal(("made", "alpaca"), (parsed.Pipeline!.Name, ((DataBuildParams)parsed.Pipeline.Stage("data").With).PromptTemplateName));
        Assert.Equal("rows.json", Assert.Single(parsed.Pipeline.Stage("data").With.DataFiles()));
    }

    [Fact]
    public async Task Conversations_are_known_by_their_keys()
    {
        Assert.Equal(0, await Init("talks.jsonl"));

        Assert.Contains("- chat: { path: talks.jsonl }", await File.ReadAllTextAsync(Target, TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_pipeline_of_that_name_is_written_over_only_by_force()
    {
        Assert.Equal(0, await Init());
        Assert.Equal(0, await Init());
        Assert.Equal(6, await Init("talks.jsonl"));
        Assert.Contains("--force", _terminal.Error, StringComparison.Ordinal);
        Assert.Equal(0, await Init("talks.jsonl", "--force"));
    }

    [Fact]
    public async Task What_is_missing_or_wrong_is_said_and_nothing_is_written()
    {
        Assert.Equal(2, await LoraCommand.RunAsync(["init", "--base", "pebble", "--yaml", Target]));
        Assert.Contains("--data is missing", _terminal.Error, StringComparison.Ordinal);
        Assert.Equal(3, await Init("none.json"));
        Assert.Equal(2, await Init(""));
        Assert.Equal(3, await LoraCommand.RunAsync(["init", "--data", "rows.json", "--base", "nobody", "--yaml", Target]));
        Assert.Equal(2, await LoraCommand.RunAsync(["init", "--data", "rows.json", "--base", "pebble", "--name", "x", "--yaml", ""]));
        Assert.Equal(2, await Init("rows.json", "--name", "../x"));
        Assert.False(File.Exists(Target));
    }
}
