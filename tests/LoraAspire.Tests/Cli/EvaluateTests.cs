using LoraAspire.Cli;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Terminal;

namespace LoraAspire.Tests.Cli;

/// <summary>The pipelines that <c>lora evaluate</c> writes.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class EvaluateTests : IDisposable
{
    private const string Trained = """
        name: mine   # of last week
        stages:
          - { id: data, uses: data-build, inputs: { base: model:pebble }, with: { sources: [{ alpaca: { path: "a.json" } }] } }
          - { id: tune, uses: trainer, inputs: { dataset: data.dataset, base: model:pebble }, with: { lora_r: 4 } }
          - { id: merge, uses: merger, inputs: { base: model:pebble, adapter: tune.adapter } }
          - { id: evaluate, uses: evaluator, inputs: { model: merge.model }, with: { questions: ["1"] } }
          - { id: chat, uses: chat, inputs: { model: merge.model } }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-evaluate-").FullName;
    private readonly CapturedTerminal _terminal = new();

    public EvaluateTests()
    {
        _terminal.Set("ConnectionStrings__redis", null);
        _terminal.Set("LORA_STATE", _folder);
        _terminal.Set("LORA_DATA", _folder);
        _terminal.Set("LORA_MODELS", Path.Combine(GoldenFolder.RepoRoot, "models"));
    }

    public void Dispose()
    {
        _terminal.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Target => Path.Combine(_folder, "made.yaml");

    private Task<int> Evaluate(string model, params string[] more) => LoraCommand.RunAsync(["evaluate", model, "--yaml", Target, .. more]);

    private static Pipeline Parsed(string yaml)
    {
        var parsed = PipelineParser.Parse(yaml, "p.yaml");
        Assert.Empty(parsed.Errors);
        return parsed.Pipeline!;
    }

    [Fact]
    public async Task A_model_of_the_models_folder_is_asked_what_is_said_and_what_stands_in_files()
    {
        var questions = Path.Combine(_folder, "q.txt");
        await File.WriteAllTextAsync(questions, "Who are you?\n\n \"quoted\": 你好 \r\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(_folder, "held.jsonl"), "{}", TestContext.Current.CancellationToken);

        Assert.Equal(0, await Evaluate("pebble", "--questions", questions, "--ask", "1 + 1?", "--held-out", "held.jsonl",
            "--identity", "Yan", "--dry-run"));

        var stage = Assert.Single(Parsed(_terminal.Out).Stages);
        Assert.False(File.Exists(Target));
        var with = (EvaluatorParams)stage.With;
        Assert.Equal(["1 + 1?", "Who are you?", "\"quoted\": 你好"], with.Questions);
        Assert.Equal(("held.jsonl", "Yan"), (with.HeldOut, with.Identity?.Name));
        Assert.Equal(new NamedModel("pebble"), stage.Inputs["model"]);
    }

    /// <summary>All four stages that the store keeps have given something.</summary>
    private static RunState Ended(RunStatus status = RunStatus.Succeeded) => new("r", 1)
    {
        Name = "mine",
        Yaml = Trained,
        File = "mine.yaml",
        Status = status,
        Stages =
        [
            .. Parsed(Trained).Stages.Select(stage => new StageState(stage.Id, stage.Kind.Name,
                stage.Inputs.ToDictionary(input => input.Key, input => $"{input.Value}"))
            {
                Status = StageStatus.Succeeded,
                Outputs = stage.Kind.Outputs.Where(port => stage.With.Gives(port.Name))
                    .ToDictionary(port => port.Name, port => $"{stage.Id}.{port.Name}"),
            }),
        ],
    };

    private static RunState Without(RunState run, string id, StageStatus status) => run with
    {
        Stages = run.Stages.ConvertAll(stage =>
            stage.Id == id ? stage with { Status = status, Outputs = new Dictionary<string, string>() } : stage),
    };

    [Fact]
    public void What_a_run_made_is_asked_behind_its_own_stages_which_keep_their_keys()
    {
        var made = Parsed(new Evaluation(["who"], null, null, null).OfRun("evaluate-mine", Ended(), _ => true));

        Assert.Equal("evaluate-mine", made.Name);
        Assert.Equal(["data", "tune", "merge", "evaluate", "evaluate-2"], made.Stages.Select(stage => stage.Id));
        Assert.Equal(Parsed(Trained).Stages.Take(4).Select(Said), made.Stages.Take(4).Select(Said));
        Assert.Equal(("merge.model", "model:pebble"), ($"{made.Stages[4].Inputs["model"]}", $"{made.Stages[4].Inputs["base"]}"));

        static string Said(StageSpec stage) =>
            $"{stage.Kind.Name} {StageKey.Canonical(StageKey.Parameters(stage.With))} {string.Join(',', stage.Inputs)}";
    }

    [Fact]
    public void A_run_without_a_model_or_a_pipeline_says_what_is_missing()
    {
        Evaluation wanted = new(["who"], null, null, null);
        var onlyData = string.Join('\n', Trained.Split('\n')[..3]);

        Assert.Contains("gives a model: add a merger", Assert.Throws<CliException>(
            () => wanted.OfRun("x", new("r", 1) { Yaml = onlyData }, _ => true)).Message, StringComparison.Ordinal);
        Assert.Contains("no pipeline is kept", Assert.Throws<CliException>(
            () => wanted.OfRun("x", new("r", 1), _ => true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_trained_again_for_the_sake_of_questions()
    {
        Refuses("(failed) has given no model: `lora retry r`", Without(Ended(RunStatus.Failed), "merge", StageStatus.Failed));
        Refuses("has given no model yet: `lora logs -f r`", Without(Ended(RunStatus.Running), "merge", StageStatus.Running));
        Refuses("What stage 'tune' of run r makes is not in the store", Ended(), lost: "tune.adapter");
        Refuses("What stage 'merge' of run r makes is not in the store", Ended(), lost: "merge.model");
        // What only asked isn't needed.
        new Evaluation(["who"], null, null, null).OfRun("x", Without(Ended(RunStatus.Failed), "evaluate", StageStatus.Failed), _ => true);

        static void Refuses(string words, RunState run, string? lost = null) => Assert.Contains(words, Assert.Throws<CliException>(
            () => new Evaluation(["who"], null, null, null).OfRun("x", run, digest => digest != lost)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_of_questions_that_no_pipeline_holds_is_refused_whole()
    {
        var questions = Path.Combine(_folder, "q.txt");
        await File.WriteAllTextAsync(questions, string.Concat(Enumerable.Repeat("who\n", 200_000)),
            TestContext.Current.CancellationToken);

        Assert.Equal(1, await Evaluate("pebble", "--questions", questions, "--dry-run"));
        Assert.Contains("q.txt is longer than 512 KiB", _terminal.Error, StringComparison.Ordinal);
        Assert.Equal(2, await Evaluate("pebble", "--questions", _folder, "--dry-run"));
    }

    [Theory]
    [InlineData(2, "Nothing is asked", "pebble")]
    [InlineData(4, "'nobody' is no folder under the models root", "nobody", "--ask", "x")]
    [InlineData(3, "No file none.jsonl", "pebble", "--held-out", "none.jsonl")]
    [InlineData(3, "none.txt", "pebble", "--questions", "none.txt")]
    public async Task What_is_wrong_is_said(int code, string words, params string[] given)
    {
        Assert.Equal(code, await Evaluate(given[0], given[1..]));
        Assert.Contains(words, _terminal.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Target));
    }
}
