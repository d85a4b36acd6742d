using LoraAspire.Lab.SubmitPages;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Lab;

/// <summary>What New run says before anything runs.</summary>
public sealed class RunOutlookTests : IDisposable
{
    private const string Yaml = """
        name: one
        stages:
          - id: data
            uses: data-build
            inputs: { base: model:tiny }
            with: { sources: [{ alpaca: { path: rows.json } }] }
          - id: tune
            uses: trainer
            inputs: { dataset: data.dataset, base: model:tiny }
          - id: talk
            uses: chat
            inputs: { base: model:tiny, adapter: tune.adapter }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-outlook-").FullName;
    private readonly ArtifactStore _store;
    private readonly ContentDigests _content;

    public RunOutlookTests()
    {
        LoraPaths paths = new(_folder, Path.Combine(_folder, "store"), _folder, Path.Combine(_folder, "models"));
        var model = Directory.CreateDirectory(Path.Combine(paths.Models, "tiny")).FullName;
        File.WriteAllText(Path.Combine(model, "config.json"), """
            { "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128,
              "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 256, "rms_norm_eps": 1e-5,
              "max_position_embeddings": 512, "hidden_act": "silu" }
            """);
        File.WriteAllText(Path.Combine(_folder, "rows.json"), "[]");
        (_store, _content) = (new(paths.Store), new(paths));
    }

    [Fact]
    public void A_stage_runs_for_the_first_time_or_after_others_and_what_it_took_is_told()
    {
        var now = DateTimeOffset.UtcNow;
        RunState earlier = new("earlier", 1)
        {
            Name = "one",
            Stages = [new("tune", StageKinds.Trainer.Name, new Dictionary<string, string>())
            {
                Status = StageStatus.Succeeded, StartedAt = now.AddMinutes(-2), FinishedAt = now,
            }],
        };

        var found = Look(earlier);

        Assert.Equal([Expectation.Runs, Expectation.Runs, Expectation.Runs], found.Select(stage => stage.Expectation));
        Assert.Equal(["first run", "after data, unless that gives the same as before", "it always runs"], found.Select(stage => stage.Why));
        Assert.Equal([null, TimeSpan.FromMinutes(2), null], found.Select(stage => stage.Took));
        Assert.Matches("^about .* on a GPU, .* on the CPU$", found[1].Memory);
        Assert.StartsWith("0 of 3 from the cache; about 2", RunOutlook.Summary(found));
        Assert.EndsWith("and what data, talk takes", RunOutlook.Summary(found));
    }

    [Fact]
    public void A_training_in_float32_takes_more_of_a_GPU_and_the_same_of_the_CPU()
    {
        string[] Memory(string yaml) => LookAt(yaml)[1].Memory!.Split(" on a GPU, ");
        string[] usual = Memory(Yaml), wide = Memory(Yaml.Replace("base: model:tiny }\n  - id: talk",
            "base: model:tiny }\n    with: { compute_type: float32 }\n  - id: talk"));

        Assert.NotEqual(usual[0], wide[0]);
        Assert.Equal(usual[1], wide[1]);
    }

    [Fact]
    public void What_the_store_holds_is_cached_and_the_next_stage_is_planned_with_it()
    {
        Made();

        var found = Look();

        Assert.Equal([Expectation.Cached, Expectation.Runs, Expectation.Runs], found.Select(stage => stage.Expectation));
        Assert.Equal("first run", found[1].Why);
        Assert.Equal("1 of 3 from the cache; no run of this pipeline tells how long the rest takes", RunOutlook.Summary(found));
    }

    /// <summary>The coordinator sets a damaged result aside when a run needs it; a page may be open while a worker reads it.</summary>
    [Fact]
    public void A_damaged_result_is_told_to_be_made_again_and_a_look_changes_nothing()
    {
        var rows = Path.Combine(_store.Folder(Made()), "rows");
        File.SetUnixFileMode(rows, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(rows, "y");
        var before = Everything();

        var found = Look();

        Assert.Equal([Expectation.Runs, Expectation.Runs, Expectation.Runs], found.Select(stage => stage.Expectation));
        Assert.Equal(before, Everything());
        Assert.Null(_store.Cached(Key(), StageKinds.DataBuild, Spec.With, null, TestContext.Current.CancellationToken));
        Assert.NotEqual(before, Everything());
    }

    [Fact]
    public void A_look_at_what_is_cached_is_no_use_of_it()
    {
        Made();
        foreach (var path in Directory.EnumerateFileSystemEntries(_store.Root, "*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(path, new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        }
        var before = Everything();

        Assert.Equal(Expectation.Cached, Look()[0].Expectation);

        Assert.Equal(before, Everything());
    }

    [Fact]
    public void A_file_that_is_gone_is_why_a_stage_cannot_run()
    {
        File.Delete(Path.Combine(_folder, "rows.json"));

        var found = Look();

        Assert.Equal(Expectation.CannotRun, found[0].Expectation);
        Assert.Contains("No file 'rows.json'", found[0].Why);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static StageSpec Spec => PipelineParser.Parse(Yaml, "p.yaml").Required().Stage("data");

    private string Key() => StageKey.Of(StageKey.Identity(Spec.Kind, Spec.With,
        new Dictionary<string, string> { ["base"] = _content.OfModel("tiny") },
        new Dictionary<string, string> { ["rows.json"] = _content.OfData("rows.json") }));

    /// <summary>The data set, as if a run had made it.</summary>
    private string Made()
    {
        var scratch = Directory.CreateTempSubdirectory("lora-made-").FullName;
        File.WriteAllText(Path.Combine(scratch, "rows"), "x");
        var dataset = _store.Publish(scratch, ArtifactKind.Dataset, "data-build@5");
        _store.Remember(Key(), Spec.Kind, Spec.With, new Dictionary<string, string> { ["dataset"] = dataset },
            TestContext.Current.CancellationToken);
        return dataset;
    }

    /// <summary>What lies in the store, but for digests that are remembered, with the time of its last use.</summary>
    private string Everything() => string.Join('\n', Directory.EnumerateFileSystemEntries(_store.Root, "*", SearchOption.AllDirectories)
        .Where(path => !Path.GetRelativePath(_store.Root, path).StartsWith("digests", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal).Select(path => $"{path} {File.GetLastWriteTimeUtc(path):O}"));

    private IReadOnlyList<ExpectedStage> Look(params RunState[] earlier) => LookAt(Yaml, earlier);

    private IReadOnlyList<ExpectedStage> LookAt(string yaml, params RunState[] earlier) => RunOutlook.Of(
        PipelineParser.Parse(yaml, "p.yaml").Required(), _store, _content, earlier, new Progress<HashProgress>(),
        TestContext.Current.CancellationToken);
}
