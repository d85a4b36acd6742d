using System.Text.Json.Serialization;

namespace LoraAspire.Pipelines.Stages;

/// <summary>One point of a stage's progress, as it stands in <c>lora:progress:{run}</c>. May be lost; nothing depends on it.</summary>
/// <param name="Phase">What is being counted: rows, step, tensors.</param>
/// <param name="Done">How many of <paramref name="Total"/> are done; a Total of 0 means unknown.</param>
/// <param name="Message">A line for people; a progress that has only this is a log line.</param>
/// <param name="TokensPerSecond">Real tokens (padding not counted) a second.</param>
/// <param name="EtaSeconds">Seconds to the end of this stage, when known.</param>
public sealed record StageProgress(
    string Phase = "", long Done = 0, long Total = 0,
    [property: JsonPropertyOrder(8)] string? Message = null,
    [property: JsonPropertyOrder(6)] double? TokensPerSecond = null,
    [property: JsonPropertyOrder(7)] double? EtaSeconds = null)
{
    /// <summary>The phase of a stage that was asked to stop and saves what it has.</summary>
    public const string Saving = "saving";

    /// <summary>Null of a stage that doesn't train, and of a point that tells nothing of it.</summary>
    [JsonIgnore]
    public TrainingFigures? Training { get; init; }

    /// <summary>Null where there is no NVIDIA GPU.</summary>
    [JsonPropertyOrder(11)]
    public GpuFigures? Gpu { get; init; }

    /// <summary>The other devices' of a training on several; null on one.</summary>
    [JsonPropertyOrder(12)]
    public IReadOnlyList<GpuFigures>? MoreGpus { get; init; }

    /// <summary>What a model in training answered, all at one step; such a point tells nothing else.</summary>
    [JsonPropertyOrder(13)]
    public IReadOnlyList<TrainingSample>? Samples { get; init; }

    /// <summary>Of every device that there are figures of.</summary>
    [JsonIgnore]
    public IEnumerable<GpuFigures> Gpus => Gpu is null ? [] : [Gpu, .. MoreGpus ?? []];

    // In JSON the figures of a training stand beside the others, in this order, as logs have always had them.
    [JsonInclude, JsonPropertyOrder(1)]
    internal double? Loss { get => Training?.Loss; init => Training = Figures with { Loss = value }; }

    [JsonInclude, JsonPropertyOrder(2)]
    internal double? EvalLoss { get => Training?.EvalLoss; init => Training = Figures with { EvalLoss = value }; }

    [JsonInclude, JsonPropertyOrder(3)]
    internal double? LearningRate { get => Training?.LearningRate; init => Training = Figures with { LearningRate = value }; }

    [JsonInclude, JsonPropertyOrder(4)]
    internal double? GradNorm { get => Training?.GradNorm; init => Training = Figures with { GradNorm = value }; }

    [JsonInclude, JsonPropertyOrder(5)]
    internal double? Epoch { get => Training?.Epoch; init => Training = Figures with { Epoch = value }; }

    [JsonInclude, JsonPropertyOrder(9)]
    internal double? SmoothedLoss { get => Training?.SmoothedLoss; init => Training = Figures with { SmoothedLoss = value }; }

    [JsonInclude, JsonPropertyOrder(10)]
    internal long? Tokens { get => Training?.Tokens; init => Training = Figures with { Tokens = value }; }

    private TrainingFigures Figures => Training ?? new();

    /// <summary>Without what is not a number, for which JSON has no word.</summary>
    public StageProgress Finite() => this with
    {
        TokensPerSecond = Number(TokensPerSecond),
        EtaSeconds = Number(EtaSeconds),
        Training = Training is null ? null : Training with
        {
            Loss = Number(Loss),
            EvalLoss = Number(EvalLoss),
            LearningRate = Number(LearningRate),
            GradNorm = Number(GradNorm),
            Epoch = Number(Epoch),
            SmoothedLoss = Number(SmoothedLoss),
        },
    };

    private static double? Number(double? number) => number is { } known && double.IsFinite(known) ? known : null;
}

/// <summary>What a training tells at a step. A figure that isn't known at this step is null.</summary>
/// <param name="SmoothedLoss">Exponential mean of the losses so far.</param>
/// <param name="Tokens">Real tokens seen so far.</param>
public sealed record TrainingFigures(
    double? Loss = null, double? EvalLoss = null, double? LearningRate = null, double? GradNorm = null,
    double? Epoch = null, double? SmoothedLoss = null, long? Tokens = null);

/// <summary>What a GPU is doing. A figure that the GPU doesn't tell is null.</summary>
public sealed record GpuFigures(int Index, string Name)
{
    /// <summary>Bytes, by all processes.</summary>
    public long? MemoryUsed { get; init; }
    public long? MemoryTotal { get; init; }

    /// <summary>Percent of the last moments in which a kernel ran.</summary>
    public int? Utilization { get; init; }

    /// <summary>°C</summary>
    public int? Temperature { get; init; }
    public double? PowerWatts { get; init; }
    public double? PowerLimitWatts { get; init; }
}
