using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.Tests.Pipelines;

/// <summary>What stands in streams and logs of older builds: the bytes stay, however the records are cut.</summary>
public sealed class MessageBytesTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly string Digest = new('d', 64);

    [Fact]
    public void A_point_of_progress_is_written_as_ever_and_read_back_whole()
    {
        const string Body =
            """{"progress":{"phase":"step","done":3,"total":9,"loss":2.5,"evalLoss":2.25,"learningRate":0.0001,"gradNorm":1.5,"epoch":"""
                + """0.5,"""
            + """ "tokensPerSecond":1234.5,"etaSeconds":60,"message":"m","smoothedLoss":2.75,"tokens":4096,"""
            + """ "gpu":{"index":0,"name":"H100","memoryUsed":1,"memoryTotal":2,"utilization":3,"""
            + """ "temperature":4,"powerWatts":5.5,"powerLimitWatts":6}}}""";
        var point = new ProgressPoint("r", At, "tune", new StageProgress("step", 3, 9, "m", TokensPerSecond: 1234.5, EtaSeconds: 60)
        {
            Training = new(Loss: 2.5, EvalLoss: 2.25, LearningRate: 1e-4, GradNorm: 1.5, Epoch: 0.5, SmoothedLoss: 2.75, Tokens: 4096),
            Gpu = new(0, "H100")
            {
                MemoryUsed = 1,
                MemoryTotal = 2,
                Utilization = 3,
                Temperature = 4,
                PowerWatts = 5.5,
                PowerLimitWatts = 6,
            },
        });

        Assert.Equal(Entry("progress", Body.Replace(" ", ""), ("stage", "tune")), MessageFormat.Encode(point));
        Assert.Equal(point, MessageFormat.Decode<ProgressPoint>(MessageFormat.Encode(point)));
    }

    [Fact]
    public void A_point_without_figures_of_a_training_has_none_of_their_fields()
    {
        var point = new ProgressPoint("r", At, "data", new StageProgress("rows", 7, TokensPerSecond: 10));

        const string Body = """{"progress":{"phase":"rows","done":7,"total":0,"tokensPerSecond":10}}""";
        Assert.Equal(Entry("progress", Body, ("stage", "data")), MessageFormat.Encode(point));
        Assert.Equal(point, MessageFormat.Decode<ProgressPoint>(MessageFormat.Encode(point)));
    }

    [Fact]
    public void An_order_is_written_as_ever_and_read_back_whole()
    {
        var body = (
            """{"pipeline":"two","kind":"trainer","key":"D","with":{"lora_r":8},"inputs":{"base":{"digest":"D","model":"tiny"},"""
            + """ "dataset":{"digest":"D"}},"dataFiles":{"a.json":"D"},"timeoutSeconds":60}""").Replace(" ", "")
            .Replace("\"D\"", $"\"{Digest}\"");
        var order = new StageOrder("r", At, "tune", 2)
        {
            Pipeline = "two",
            Kind = "trainer",
            Key = Digest,
            With = JsonSerializer.SerializeToElement(new { lora_r = 8 }),
            Inputs = new Dictionary<string, InputArtifact> { ["base"] = new(Digest, "tiny"), ["dataset"] = new(Digest) },
            DataFiles = new Dictionary<string, string> { ["a.json"] = Digest },
            TimeoutSeconds = 60,
        };

        var fields = MessageFormat.Encode(order);
        Assert.Equal(Entry("stage.run", body, ("stage", "tune"), ("attempt", "2")), fields);
        Assert.Equal(fields, MessageFormat.Encode(MessageFormat.Decode<StageOrder>(fields)));
    }

    [Theory]
    [InlineData("""{"pipeline":"two","kind":"trainer","with":{},"inputs":{},"dataFiles":{}}""")]
    [InlineData("""{"pipeline":"two","kind":"trainer","key":"KEY","inputs":{},"dataFiles":{}}""")]
    [InlineData("""{"pipeline":"two","kind":"trainer","key":"KEY","with":{},"dataFiles":{}}""")]
    [InlineData("""{"pipeline":"two","kind":"trainer","key":"KEY","with":{},"inputs":null,"dataFiles":{}}""")]
    public void An_order_that_lacks_a_part_is_refused(string body)
    {
        var fields = Entry("stage.run", body.Replace("KEY", Digest), ("stage", "tune"), ("attempt", "1"));

        Assert.Throws<MessageFormatException>(() => MessageFormat.Decode<StageOrder>(fields));
    }

    /// <summary>A log as a build of September 2026 left it.</summary>
    [Fact]
    public void A_log_of_an_older_build_folds_to_the_state_that_it_told()
    {
        List<RunEvent> events =
        [
            Event("run.submitted",
                """{"name":"two","file":"p.yaml","yaml":"name: two\n","notes":["a note"],"""
                + """ "stages":[{"id":"data","kind":"data-build","inputs":{"base":"model:tiny"}}]}"""),
            Event("stage.queued", $$"""{"key":"{{Digest}}","explain":"first run"}""", ("stage", "data"), ("attempt", "1")),
            Event("stage.started", """{"worker":"w"}""", ("stage", "data"), ("attempt", "1")),
            Event("stage.finished", $$$"""{"outputs":{"dataset":"{{{Digest}}}"}}""", ("stage", "data"), ("attempt", "1")),
            Event("run.finished", """{"status":"succeeded"}"""),
        ];

        var run = RunState.Fold("r", events);

        Assert.Equal((5, "two", "p.yaml"), (run.Version, run.Name, run.File));
        Assert.Equal(("name: two\n", RunStatus.Succeeded), (run.Yaml, run.Status));
        Assert.Equal(("a note", At, At), (run.Notes.Single(), run.SubmittedAt, run.FinishedAt));
        var stage = Assert.Single(run.Stages);
        Assert.Equal(("data", "data-build", StageStatus.Succeeded), (stage.Id, stage.Kind, stage.Status));
        Assert.Equal((1, "w", Digest, "first run"), (stage.Attempt, stage.Worker, stage.Key, stage.Explain));
        Assert.Equal((At, At, At), (stage.QueuedAt, stage.StartedAt, stage.FinishedAt));
        Assert.Equal(Digest, stage.Outputs["dataset"]);
    }

    private static RunEvent Event(string type, string body, params (string, string)[] who) =>
        MessageFormat.Decode<RunEvent>(Entry(type, body, who));

    private static List<KeyValuePair<string, string>> Entry(string type, string body, params (string Name, string Value)[] who) =>
    [
        new("v", "1"), new("type", type), new("run", "r"),
        .. who.Select(field => KeyValuePair.Create(field.Name, field.Value)),
        new("at", "2026-01-02T03:04:05+00:00"), new("body", body),
    ];
}
