using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// Where the work of an attempt is done: in this process (<see cref="StageAttempt{TParams}"/>) or in one of its own
/// (<see cref="ChildAttempt"/>).
/// </summary>
public interface IAttempt
{
    /// <param name="gpus">CUDA_VISIBLE_DEVICES of a process of its own; null leaves it as this process has it.</param>
    /// <returns>Output name → digest of what was published.</returns>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="AttemptFailedException">It failed, and says why.</exception>
    /// <exception cref="AttemptDiedException">Its process was ended from outside: another goes on from the last checkpoint.</exception>
    Task<IReadOnlyDictionary<string, string>> RunAsync(StageOrder order, string worker, string? gpus,
        IProgress<StageProgress> progress, CancellationToken stop);
}

/// <summary>An attempt failed, in words.</summary>
public sealed class AttemptFailedException(FailureCause cause, string words) : Exception(words)
{
    public FailureCause Cause { get; } = cause;
}

/// <summary>The process of an attempt was ended from outside, as a worker may be. Nothing is known against the attempt.</summary>
public sealed class AttemptDiedException(string words) : Exception(words);
