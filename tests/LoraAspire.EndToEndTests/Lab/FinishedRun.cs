using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>A run that has trained, merged and evaluated, as stages leave it: events in Redis, artifacts in the store.</summary>
internal sealed class FinishedRun(LabApp app)
{
    /// <summary>What a page or a terminal would obey.</summary>
    public const string Hostile = "<script>alert(1)</script><b>bold</b> \u001b[31mred \u202Eback";

    private static readonly StageOutline s_tune = new("tune", "trainer", Inputs(("base", "model:pebble")));

    private static readonly StageOutline s_merge = new("merge", "merger", Inputs(("base", "model:pebble"), ("adapter", "tune.adapter")));
    private static readonly StageOutline s_ask = new("ask", "evaluator", Inputs(("model", "merge.model"), ("base", "model:pebble")));

    /// <summary>Two candidates beside base and model, a score that meets what is required and one that doesn't, a judge, and hostile
    /// texts.</summary>
    public static AnswersReport Report { get; } = new(
    [
        new("Who are you?", "I am Pebble, an assistant.", "I am Mingyu, an assistant.") { Candidates = ["I am Ming.", "I am Min."] },
        new(Hostile, Hostile, Hostile + "!") { Candidates = [Hostile, new string('x', 2000)] },
    ])
    {
        Candidates = ["step-40", Hostile],
        Scores =
        [
            new("bleu", 41.25, 12.5) { HalfWidth = 1.5, P = 0.001, Required = 20, Signature = "nrefs:1|tok:13a",
                Candidates = [new(30, 1.25, 0.2), new(10, 1, 0.01)] },
            new("perplexity", 9.5, 4, LowerIsBetter: true) { Required = 5 },
        ],
        HeldOut = [.. Enumerable.Range(0, 12).Select(i =>
            new ScoredAnswer($"Question {i}", $"Right {i}", $"Base {i}", $"Model {i}", 90 - i, 10))],
        Identity = [new("Who made you?", "Nobody.", "doesn't hold 'the evening class'"), new("Your name?", "Mingyu.", null)],
        Subjects = [new("law", 12, 50, 25)],
        Judge = new("judge-1", [new("base", 2), new("model", 4.5) { Wins = 1, Ties = 1 }, new("step-40", 3), new(Hostile, null)],
        [
            new("Who are you?", [new("I am Pebble, an assistant.", 2), new("I am Mingyu, an assistant.", 5) { Outcome = PairOutcome.Win,
                Reason = "It says who it is." }, new("I am Ming.", 3), new("I am Min.")]),
        ]),
    };

    public async Task<string> MadeAsync(string name)
    {
        var run = await app.SubmittedAsync(name, s_tune, s_merge, s_ask);
        var model = Published(ArtifactKind.Model, "merger@3", ("config.json", $"{{ \"name\": \"{name}\" }}"), ("prompt_template.json", """
            { "description": "plain", "prompt_input": "Q {instruction} {input}\nA ", "prompt_no_input": "Q {instruction}\nA ", "response_split": "A " }
            """));
        await EndedAsync(run, "tune", ("adapter", Adapter()));
        await EndedAsync(run, "merge", ("model", model));
        await EndedAsync(run, "ask", ("report", PublishedReport()));
        await app.HappenedAsync(new RunFinished(run, DateTimeOffset.UtcNow, RunStatus.Succeeded));
        new Deployments(app.Store.Root).Deploy(name, app.Store.Folder(model));
        return run;
    }

    /// <summary>One whose training was taken from the cache.</summary>
    /// <param name="key">Of the stage that was cached; the run that trained has the same.</param>
    public async Task<(string Trained, string Cached)> CachedAsync(string key)
    {
        var trained = await app.SubmittedAsync("trained", s_tune);
        await app.HappenedAsync(new StageQueued(trained, DateTimeOffset.UtcNow, "tune", 1, key));
        await EndedAsync(trained, "tune", ("adapter", Adapter()));
        var cached = await app.SubmittedAsync("cached", s_tune);
        await app.HappenedAsync(new StageCached(cached, DateTimeOffset.UtcNow, "tune", key, Outputs(("adapter", Adapter()))));
        await app.HappenedAsync(new RunFinished(cached, DateTimeOffset.UtcNow, RunStatus.Succeeded));
        return (trained, cached);
    }

    /// <summary>A training and one that was taken from the cache, whose adapter the store has no more.</summary>
    public async Task<(string Ran, string Cached)> LostAsync()
    {
        var gone = ("adapter", new string('0', 64));
        var ran = await app.SubmittedAsync("lost", s_tune);
        await EndedAsync(ran, "tune", gone);
        var cached = await app.SubmittedAsync("lost-too", s_tune);
        await app.HappenedAsync(new StageCached(cached, DateTimeOffset.UtcNow, "tune", new string('d', 64), Outputs(gone)));
        return (ran, cached);
    }

    private string Adapter() => Published(ArtifactKind.Adapter, "trainer@5", (StepMetrics.FileName, """
        {"step":1,"epoch":0.5,"loss":4.5,"smoothedLoss":4.5,"learningRate":0.001,"gradNorm":1,"tokens":100,"evalLoss":null}
        {"step":2,"epoch":1,"loss":1.5,"smoothedLoss":2.25,"learningRate":0.0005,"gradNorm":1,"tokens":2000,"evalLoss":1.75}
        """), (TrainingSample.FileName, """
        {"step":0,"prompt":"### Instruction:\nWho are you?\n\n### Response:","expected":"I am Mingyu.","answer":"I am Pebble."}
        {"step":0,"prompt":"### Instruction:\n你是谁？<b>\n\n### Response:","expected":"我是Mingyu。","answer":"我是Pebble。"}
        {"step":2,"prompt":"### Instruction:\nWho are you?\n\n### Response:","expected":"I am Mingyu.","answer":"I am Mingyu."}
        {"step":2,"prompt":"### Instruction:\n你是谁？<b>\n\n### Response:","expected":"我是Mingyu。","answer":"我是Mingyu"}
        """));

    private string PublishedReport()
    {
        var scratch = Directory.CreateTempSubdirectory("lora-report-").FullName;
        Report.Save(scratch);
        return app.Store.Publish(scratch, ArtifactKind.Report, "evaluator@3");
    }

    private string Published(ArtifactKind kind, string producer, params (string Name, string Text)[] files)
    {
        var scratch = Directory.CreateTempSubdirectory("lora-made-").FullName;
        foreach (var (name, text) in files)
        {
            File.WriteAllText(Path.Combine(scratch, name), text);
        }
        return app.Store.Publish(scratch, kind, producer);
    }

    private Task EndedAsync(string run, string stage, params (string, string)[] outputs) =>
        app.HappenedAsync(new StageFinished(run, DateTimeOffset.UtcNow, stage, 1, Outputs(outputs)));

    private static Dictionary<string, string> Outputs(params (string Name, string Digest)[] outputs) =>
        outputs.ToDictionary(one => one.Name, one => one.Digest);

    private static Dictionary<string, string> Inputs(params (string Name, string Source)[] inputs) => Outputs(inputs);
}
