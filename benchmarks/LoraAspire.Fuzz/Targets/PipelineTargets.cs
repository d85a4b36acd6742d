using System.Text;
using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.Fuzz.Targets;

/// <summary>Pipelines, a stage's parameters, and entries of streams.</summary>
internal static class PipelineTargets
{
    private const string Pipeline = """
        # all there is
        name: everything
        stages:
          - id: data
            uses: data-build
            inputs: { base: model:tiny }
            with:
              prompt_template_name: plain
              cutoff_len: 128
              train_on_inputs: false
              dedup: { exact: true, near: 0.85 }
              held_out: [ { alpaca: { path: eval.json } } ]
              writer: { provider: ollama, model: "m", max_requests: 3 }
              sources:
                - self_cognition: { name: Mingyu, developer: the evening class, abilities: [translation, arithmetic], sample: 720, written: 4 }
                - alpaca: { path: a.jsonl, fill: { name: Mingyu } }
                - table: { path: a.csv, templates: ["Is it good? [text]"], output: "[label]", values: { label: { "0": no, "1": yes } } }
                - parallel: { path: a.tsv, src_lang: en, tgt_lang: zh, both_directions: true, max_length_ratio: 3 }
          - id: tune
            uses: trainer
            inputs: { dataset: data.dataset, base: model:tiny }
            with:
              num_epochs: 3
              learning_rate: 2e-3
              lora_target_modules: [all-linear]
              rank_pattern: { q_proj: 4, "layers\\.0": 2 }
              layers_to_transform: [0, 1]
              lr_scheduler_type: cosine
            retries: 1
            timeout: 1.5h
          - { id: merge, uses: merger, inputs: { base: model:tiny, adapter: tune.adapter }, with: { max_shard_size_mib: 64 } }
          - id: ask
            uses: evaluator
            inputs: { model: merge.model, base: model:tiny }
            with:
              questions: [Who are you?, "你是谁？"]
          - id: chat
            uses: chat
            inputs: { model: merge.model }

        """;

    private static readonly DateTimeOffset At = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    public static IEnumerable<Target> In()
    {
        string[] words = ["&a ", "*a", "!!binary ", "? ", "- ", ": ", "{", "}", "[", "]", "|\n", ">-\n  ", "---\n", "...\n", "'", "\"",
            "\"\\e[31m\"", "\"\\0\"", "%YAML 1.2\n", "<<: ", "#", "\t", "lora_rank: 4", "gradient_accumulation_steps: 2147483647",
            "model:../x", "timeout: 60d", "base_model: x"];
        yield return new("yaml", () => [AllTargets.Utf8(Pipeline)], bytes => Parse(Encoding.UTF8.GetString(bytes)),
            typeof(PipelineException))
        { Words = words };
        foreach (var (kind, with) in new[]
        {
            (StageKinds.Trainer,
                "lora_rank: 4\nlora_target: all\nper_device_train_batch_size: 2\ngradient_accumulation_steps: 8\nval_size: 0\nadapter: "
                    + "lora\nload_in_8bit: false\nalpha_pattern: { a: 1.5 }\n"),
            (StageKinds.DataBuild, "data_path: a.json\ntemplate: alpaca\nsequence_len: 512\ncompat: alpaca-lora\n"),
        })
        {
            yield return new($"params-{kind.Name}", () => [AllTargets.Utf8(with)], bytes =>
                PipelineParser.ParseParams(Encoding.UTF8.GetString(bytes), "w.yaml", kind), typeof(PipelineException))
            { Words = words };
        }
        yield return new("stream-inbox", () => [.. Inbox().Select(Entry)], bytes => MessageFormat.Decode<InboxMessage>(Fields(bytes)),
            typeof(MessageFormatException))
        { Words = AllTargets.JsonWords };
        yield return new("stream-events", () => [.. Events().Select(Entry)], bytes => MessageFormat.Decode<RunEvent>(Fields(bytes)),
            typeof(MessageFormatException))
        { Words = AllTargets.JsonWords };
        yield return new("stream-work", () => [Entry(Order)], bytes => ReadOrder(MessageFormat.Decode<StageOrder>(Fields(bytes))),
            typeof(MessageFormatException), typeof(JsonException))
        { Words = AllTargets.JsonWords };
        yield return new("stream-progress",
            () => [Entry(new ProgressPoint("r", At, "tune", new("step", 3, 9, "m") { Training = new(2.5),
                Gpu = new(0, "H100") { MemoryUsed = 1, MemoryTotal = 2, Utilization = 3, Temperature = 4, PowerWatts = 5.5 } }))],
            bytes => MessageFormat.Decode<ProgressPoint>(Fields(bytes)), typeof(MessageFormatException))
        { Words = AllTargets.JsonWords };
    }

    private static void Parse(string yaml) => PipelineParser.Parse(yaml, "p.yaml").Required();

    /// <summary>As StageAttempt does; a JsonException there is the attempt's own failure.</summary>
    private static void ReadOrder(StageOrder order) => order.With.Deserialize<TrainerParams>(Pipelines.StageKey.ParamsJson);

    private static string Key => new('5', 64);
    private static string Digest => new('d', 64);

    private static StageOrder Order => new("r", At, "tune", 2)
    {
        Pipeline = "p",
        Kind = "trainer",
        Key = Key,
        With = JsonSerializer.SerializeToElement(new TrainerParams(), Pipelines.StageKey.ParamsJson),
        Inputs = new Dictionary<string, InputArtifact> { ["dataset"] = new(Digest), ["base"] = new(Digest, "tiny") },
        DataFiles = new Dictionary<string, string> { ["a.json"] = Digest },
        TimeoutSeconds = 3600,
    };

    private static IEnumerable<InboxMessage> Inbox() =>
    [
        new SubmitRun("r", At, "p.yaml", "name: x\n"), new CancelRun("r", At), new AttemptStarted("r", At, "tune", 1, "w"),
        new AttemptFinished("r", At, "tune", 1, new Dictionary<string, string> { ["adapter"] = Digest }), new AttemptFailed("r", At, "tune",
            3, FailureCause.Timeout, "e"),
    ];

    private static IEnumerable<RunEvent> Events() =>
    [
        new RunSubmitted("r", At, "n", "p.yaml", "name: x\n", [new("a", "merger", new Dictionary<string, string> { ["base"] = "model:m" })],
            ["note"]), new RunCancelling("r", At),
        new RunFinished("r", At, RunStatus.Failed, "e"), new StageQueued("r", At, "a", 1, Key, "why"), new StageCached("r", At, "a", Key,
            new Dictionary<string, string> { ["model"] = Digest }),
        new StageStarted("r", At, "a", 1, "w"), new StageFinished("r", At, "a", 1, new Dictionary<string, string> { ["model"] = Digest }),
        new StageFailed("r", At, "a", 1, FailureCause.Poison, "e"), new StageCancelled("r", At, "a"),
    ];

    /// <summary>A field a line: name, tab, value.</summary>
    private static byte[] Entry<T>(T message) where T : class =>
        AllTargets.Utf8(string.Join('\n', MessageFormat.Encode(message).Select(field => $"{field.Key}\t{field.Value}")));

    private static IEnumerable<KeyValuePair<string, string>> Fields(byte[] entry) =>
        Encoding.UTF8.GetString(entry).Split('\n').Select(
            line => line.Split('\t', 2) is [var name, var value] ? KeyValuePair.Create(name, value) : KeyValuePair.Create(line, ""));
}
