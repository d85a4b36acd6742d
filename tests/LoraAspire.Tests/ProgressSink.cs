using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Tests;

/// <summary>Progress as it is reported, in the thread that reports it; <c>Progress</c> hands it to another.</summary>
internal sealed class ProgressSink(Action<StageProgress>? each = null) : IProgress<StageProgress>
{
    public void Report(StageProgress value) => each?.Invoke(value);
}
