namespace LoraAspire.Pipelines.Stages;

/// <summary>One point of a stage's progress, as it stands in <c>lora:progress:{run}</c>. May be lost; nothing depends on it.</summary>
/// <param name="Phase">What is being counted: rows, step, tensors.</param>
/// <param name="Done">How many of <paramref name="Total"/> are done; a Total of 0 means unknown.</param>
/// <param name="TokensPerSecond">Real tokens (padding not counted) a second.</param>
/// <param name="EtaSeconds">Seconds to the end of this stage, when known.</param>
/// <param name="Message">A line for people; a progress that has only this is a log line.</param>
/// <param name="SmoothedLoss">Exponential mean of the losses so far.</param>
/// <param name="Tokens">Real tokens seen so far.</param>
/// <param name="Gpu">Null where there is no NVIDIA GPU.</param>
public sealed record StageProgress(
    string Phase = "", long Done = 0, long Total = 0,
    double? Loss = null, double? EvalLoss = null, double? LearningRate = null, double? GradNorm = null,
    double? Epoch = null, double? TokensPerSecond = null, double? EtaSeconds = null, string? Message = null,
    double? SmoothedLoss = null, long? Tokens = null, GpuFigures? Gpu = null)
{
    /// <summary>The phase of a stage that was asked to stop and saves what it has.</summary>
    public const string Saving = "saving";

    /// <summary>Without what is not a number, for which JSON has no word.</summary>
    public StageProgress Finite()
    {
        static double? Number(double? number) => number is { } known && double.IsFinite(known) ? known : null;
        return this with
        {
            Loss = Number(Loss),
            EvalLoss = Number(EvalLoss),
            LearningRate = Number(LearningRate),
            GradNorm = Number(GradNorm),
            Epoch = Number(Epoch),
            TokensPerSecond = Number(TokensPerSecond),
            EtaSeconds = Number(EtaSeconds),
            SmoothedLoss = Number(SmoothedLoss),
        };
    }
}

/// <summary>What a GPU is doing. A figure that the GPU doesn't tell is null.</summary>
/// <param name="MemoryUsed">Bytes, by all processes.</param>
/// <param name="Utilization">Percent of the last moments in which a kernel ran.</param>
/// <param name="Temperature">°C</param>
public sealed record GpuFigures(
    int Index, string Name, long? MemoryUsed = null, long? MemoryTotal = null, int? Utilization = null, int? Temperature = null, double? PowerWatts = null, double? PowerLimitWatts = null);
