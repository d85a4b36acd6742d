using System.Diagnostics;
using System.Globalization;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Trainer.Training;

/// <summary>A run's log messages. Only here are times and speeds: the artifact has none.</summary>
internal sealed class RunMessages(IProgress<StageProgress> report, TrainingState resumed)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    public void Say(string words) => report.Report(new StageProgress(Message: words));

    public void Begin(TrainingRows rows, int batchSize, long parameters, string arithmetic)
    {
        Say(string.Create(CultureInfo.InvariantCulture,
            $"{rows.Count} rows to train on, {rows.HeldOut.Count} held "
                + $"out{(rows.LeftOut > 0 ? $", {rows.LeftOut} in neither part (copies or the other direction of held-out ones)" : "")}; "
                + $"{rows.TotalSteps} steps of {batchSize} rows; {parameters:N0} trained parameters {arithmetic}."));
        if (rows.Warning is { } warning)
        {
            Say(warning);
        }
        if (resumed.Updates > 0)
        {
            Say($"Resuming from the checkpoint of step {resumed.Updates}.");
        }
    }

    /// <param name="first">Micro-batches of the first step, of one device.</param>
    public void Shared(IReadOnlyList<MicroBatch> first)
    {
        if (first.Sum(batch => batch.RealTokens) is var real && first.Sum(batch => batch.Tokens) is var computed && computed < real)
        {
            Say(string.Create(CultureInfo.InvariantCulture, $"Rows begin alike, and what they share goes through the model once a "
                + $"micro-batch: of the first step's {real:N0} tokens {computed:N0} are computed."));
        }
    }

    /// <summary>That a checkpoint is being written before the run stops.</summary>
    public void Saving(int step, int steps) => report.Report(
        new StageProgress(StageProgress.Saving, step, steps, Message: $"Stopping at step {step}: its checkpoint is being written."));

    /// <summary>With nothing done beyond the newest checkpoint.</summary>
    /// <param name="kept">Its step; 0 without one.</param>
    public static string Stopped(int kept) => kept == 0 ? "Stopped before the first step was done."
        : $"Stopped at step {kept}, saved: the same pipeline, submitted again, goes on from there.";

    /// <param name="kept">Step of the newest checkpoint.</param>
    /// <param name="why">Why there is none of this step, when there isn't.</param>
    public void Stopped(int step, int kept, string why) => Say(
        step == kept ? Stopped(kept)
        : $"Stopped at step {step}: {why}, so {(step - kept == 1 ? "1 step is" : $"{step - kept} steps are")} "
            + $"lost. {(kept == 0 ? "There is no checkpoint." : $"The checkpoint of step {kept} is kept.")}");

    public void End(TrainingState state, bool stoppedEarly)
    {
        var (steps, tokens, seconds) =
            (state.Step - resumed.Step, state.Tokens - resumed.Tokens, Stopwatch.GetElapsedTime(_start).TotalSeconds);
        Say(string.Create(CultureInfo.InvariantCulture,
            $"{steps} steps, {tokens:N0} tokens in {seconds:N0} s: {tokens / seconds:N0} tokens/s with preflight, evaluations and "
                + $"checkpoints."));
        if (stoppedEarly)
        {
            Say(string.Create(CultureInfo.InvariantCulture,
                $"Stopped early at step {state.Step}: {state.EvaluationsWithoutGain} evaluations without a lower validation loss "
                    + $"than {state.BestEvalLoss:0.0000} at step {state.BestStep}."));
        }
    }
}
