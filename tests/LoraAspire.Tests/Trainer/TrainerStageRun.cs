using LoraAspire.Model.Data;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer;

namespace LoraAspire.Tests.Trainer;

/// <summary>The whole trainer stage, where nothing else is said on the tiny base of the repository and 40 short rows, in a folder of its
/// own.</summary>
internal sealed class TrainerStageRun : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-stage-").FullName;

    private const int LongestRow = 256;

    private static readonly IReadOnlyList<(string Prompt, string Answer)> s_sums = [.. Enumerable.Range(0, 40).Select(row =>
        ($"What is {row} plus {row % 7}?", $"It is {row + (row % 7)}{string.Concat(Enumerable.Repeat(" indeed", row % 5))}."))];

    private readonly string _base;

    /// <param name="baseFolder">Its tokenizer makes the rows too.</param>
    public TrainerStageRun(string? baseFolder = null, IReadOnlyList<(string Prompt, string Answer)>? rows = null)
    {
        _base = baseFolder ?? Base;
        var tokenizer = HfTokenizer.Load(_base);
        var template = PromptTemplate.Load("plain");
        using var writer = new InstructionDatasetWriter(Directory.CreateDirectory(Dataset).FullName);
        foreach (var (row, (question, answer)) in (rows ?? s_sums).Index())
        {
            var prompt = tokenizer.Encode(template.Prompt(question, null), addBos: true);
            int[] ids = [.. prompt, .. tokenizer.EncodeContinuation(answer), tokenizer.EosId];
            ids = ids.Length > LongestRow ? ids[..LongestRow] : ids;
            writer.Add(ids, [.. ids.Select((id, i) => i < prompt.Length ? InstructionDataset.NoLoss : id)], "rows", row);
        }
        writer.Complete();
        template.Save(Path.Combine(Dataset, PromptTemplate.FileName));
    }

    public static string Base => GoldenFolder.Pebble;

    /// <summary>
    /// Of a short run with evaluations and checkpoints; with dropout, so that a random number drawn in between would show.
    /// </summary>
    public static TrainerParams Settings { get; } = new()
    {
        BatchSize = 8,
        MicroBatchSize = 4,
        MicroBatchTokens = 64,
        NumEpochs = 4,
        LearningRate = 2e-3,
        WarmupSteps = 3,
        LoraR = 2,
        LoraDropout = 0.2,
        ValSetSize = 6,
        EvalSteps = 4,
        SaveSteps = 3,
    };

    public string Dataset => Path.Combine(_folder, "dataset");

    public List<StageProgress> Reports { get; } = [];

    public string Checkpoints(string name) => Path.Combine(_folder, name, "checkpoints");

    public string Adapter(string name) => Path.Combine(_folder, name, "out", "adapter");

    public string Model(string name) => Path.Combine(_folder, name, "out", "model");

    /// <summary>
    /// Runs the stage, or goes on with it where the name is known, and gives the artifact's digest as the store would name it.
    /// </summary>
    /// <param name="stopAfter">Cancel once this step has been reported; 0 from the start.</param>
    /// <param name="each">Called for each step that is reported.</param>
    public string Run(TrainerParams with, string name, int? stopAfter = null, Action<long>? each = null)
    {
        using var stop = new CancellationTokenSource();
        if (stopAfter == 0)
        {
            stop.Cancel();
        }
        var report = new ProgressSink(progress =>
        {
            Reports.Add(progress);
            if (progress.Phase == "step")
            {
                each?.Invoke(progress.Done);
            }
            if (progress.Phase == "step" && progress.Done >= stopAfter)
            {
                stop.Cancel();
            }
        });
        StageContext<TrainerParams> context = new(with,
            new Dictionary<string, string> { ["dataset"] = Dataset, ["base"] = _base },
            new DataRoot(_folder), Path.Combine(_folder, name), Directory.CreateDirectory(Checkpoints(name)).FullName, report)
        {
            InputDigests = new Dictionary<string, string> { ["base"] = new('b', 64) },
        };
        new TrainStage().RunAsync(context, stop.Token).GetAwaiter().GetResult();
        return Manifest.DigestOf((with.Gives("adapter") ? Manifest.Of(Adapter(name), ArtifactKind.Adapter, "trainer@2")
            : Manifest.Of(Model(name), ArtifactKind.Model, "trainer@2")).ToBytes());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
