using System.Diagnostics;
using System.Globalization;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Trainer.Training;

/// <summary>What a run says in words. Times and speeds stand here alone: the artifact holds none.</summary>
internal sealed class RunLog(IProgress<StageProgress> report, TrainingState resumed)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    public void Say(string words) => report.Report(new StageProgress(Message: words));

    public void Begin(TrainingRows rows, int batchSize, long parameters, string arithmetic)
    {
        Say(string.Create(CultureInfo.InvariantCulture, $"{rows.Count} rows to train on, {rows.HeldOut.Count} held out{(rows.LeftOut > 0 ? $", {rows.LeftOut} in neither part (copies or the other direction of held-out ones)" : "")}; {rows.TotalSteps} steps of {batchSize} rows; {parameters:N0} trained parameters {arithmetic}."));
        if (resumed.Step > 0)
        {
            Say($"Going on from the checkpoint of step {resumed.Step}.");
        }
    }

    public void End(TrainingState state, bool stoppedEarly)
    {
        var (steps, tokens, seconds) = (state.Step - resumed.Step, state.Tokens - resumed.Tokens, Stopwatch.GetElapsedTime(_start).TotalSeconds);
        Say(string.Create(CultureInfo.InvariantCulture, $"{steps} steps, {tokens:N0} tokens in {seconds:N0} s: {tokens / seconds:N0} tokens/s with preflight, evaluations and checkpoints."));
        if (stoppedEarly)
        {
            Say(string.Create(CultureInfo.InvariantCulture,
                $"Stopped early at step {state.Step}: {state.EvaluationsWithoutGain} evaluations without a lower validation loss than {state.BestEvalLoss:0.0000} at step {state.BestStep}."));
        }
    }
}
