using System.Runtime.InteropServices;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Planning;
using LoraAspire.Runtime.Store;
using Microsoft.Extensions.Logging;

namespace LoraAspire.RedisTests;

/// <summary>Whatever stands in the way of a stage, its plan says that it can't run, with the reason.</summary>
public sealed class PlannerTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("lora-planner-").FullName;
    private readonly Errors _errors = new();
    private readonly LoraPaths _paths;

    public PlannerTests()
    {
        _paths = new(_root, Path.Combine(_root, "store"), Path.Combine(_root, "data"), Path.Combine(_root, "models"));
        Directory.CreateDirectory(Path.Combine(_paths.Models, "tiny"));
        Directory.CreateDirectory(_paths.Data);
        File.WriteAllText(Path.Combine(_paths.Models, "tiny", "config.json"), "{}");
        File.WriteAllText(Path.Combine(_paths.Data, "a.json"), "[]");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_whole_installation_gives_an_order() => Assert.IsType<MustRun>(Plan());

    public static TheoryData<string, string> Obstacles => new()
    {
        { "dangling", "'tokenizer.model' is a link to nowhere, and nothing is there" },
        { "circle", "leads back to itself" },
        { "pipe", "is a named pipe" },
        { "data-pipe", "is a named pipe" },
        { "data-circle", "can't be looked at" },
        { "data-gone", "No file 'a.json' under the data root" },
        { "models-gone", "No folder 'tiny' under the models root" },
        { "model-empty", "is empty" },
    };

    [Theory]
    [MemberData(nameof(Obstacles))]
    public async Task An_obstacle_is_told_in_words_with_the_stack_in_the_log(string obstacle, string words)
    {
        var (model, data) = (Path.Combine(_paths.Models, "tiny"), Path.Combine(_paths.Data, "a.json"));
        switch (obstacle)
        {
            case "dangling":
                File.CreateSymbolicLink(Path.Combine(model, "tokenizer.model"), "nowhere");
                break;
            case "circle":
                File.CreateSymbolicLink(Path.Combine(model, "a"), "b");
                File.CreateSymbolicLink(Path.Combine(model, "b"), "a");
                break;
            case "pipe":
                Assert.Equal(0, MakePipe(Path.Combine(model, "model.safetensors"), 0x180));
                break;
            case "data-pipe":
                File.Delete(data);
                Assert.Equal(0, MakePipe(data, 0x180));
                break;
            case "data-circle":
                File.Delete(data);
                File.CreateSymbolicLink(data, "a.json");
                break;
            case "data-gone":
                File.Delete(data);
                break;
            case "models-gone":
                Directory.Delete(_paths.Models, recursive: true);
                break;
            case "model-empty":
                File.Delete(Path.Combine(model, "config.json"));
                break;
        }

        var refused = Assert.IsType<CannotRun>(await Task.Run(() => Plan(), TestContext.Current.CancellationToken)
            .WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));

        Assert.Contains(words, refused.Error, StringComparison.Ordinal);
        Assert.NotNull(Assert.Single(_errors.Logged)?.StackTrace);
    }

    [Fact]
    public void A_store_that_cannot_be_written_still_gives_an_order()
    {
        File.WriteAllText(_paths.Store, "a file where the folder should be");

        Assert.IsType<MustRun>(Plan());
    }

    /// <summary>A fault of ours: here a state that lacks the stage which the pipeline's input names.</summary>
    [Fact]
    public void Even_a_fault_of_ours_is_told_and_not_thrown()
    {
        var refused = Assert.IsType<CannotRun>(Plan(1));

        Assert.StartsWith("A fault of LoraAspire, please report it: ", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_a_cancel_that_was_asked_for_is_thrown()
    {
        using CancellationTokenSource stop = new();
        stop.Cancel();

        Assert.ThrowsAny<OperationCanceledException>(() => PlanUntil(0, stop.Token));
    }

    [Theory]
    [InlineData("not JSON")]
    [InlineData("[]")]
    [InlineData("null")]
    public void A_last_identity_that_cannot_be_read_costs_the_explanation_alone(string damaged)
    {
        Directory.CreateDirectory(Path.Combine(_paths.Store, "explain", "test"));
        File.WriteAllText(Path.Combine(_paths.Store, "explain", "test", "data.json"), damaged);

        var first = Assert.IsType<MustRun>(Plan());
        Assert.Equal(("first run", "first run"), (first.Explain, Assert.IsType<MustRun>(Plan()).Explain));

        LastIdentity.Write(new ArtifactStore(_paths.Store), first.Order, _errors);
        Assert.StartsWith("nothing changed", Assert.IsType<MustRun>(Plan()).Explain, StringComparison.Ordinal);
    }

    private const string Yaml = """
        name: test
        stages:
          - { id: data, uses: data-build, inputs: { base: model:tiny }, with: { sources: [ { alpaca: { path: a.json } } ] } }
          - { id: tune, uses: trainer, inputs: { dataset: data.dataset, base: model:tiny } }
        """;

    private StagePlan Plan(int stage = 0) => PlanUntil(stage, CancellationToken.None);

    private StagePlan PlanUntil(int stage, CancellationToken stop)
    {
        var pipeline = PipelineParser.Parse(Yaml, "p.yaml").Required();
        return Planner().Plan(new(pipeline, pipeline.Stages[stage], new RunState("r")), null, stop);
    }

    private Planner Planner() => new(new ArtifactStore(_paths.Store), new ContentDigests(_paths), _errors);

    [DllImport("libc", EntryPoint = "mkfifo", CharSet = CharSet.Ansi, BestFitMapping = false,
        ThrowOnUnmappableChar = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MakePipe(string path, uint mode);

    private sealed class Errors : ILogger<Planner>
    {
        public List<Exception?> Logged { get; } = [];

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Error)
            {
                Logged.Add(exception);
            }
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
    }
}
