using LoraAspire.Pipelines.Stages;
using LoraAspire.Trainer.Card;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// Asks the model at steps of its training, where <c>sample_answers</c> wants it: before the first, and at evaluations, of which so many
/// are passed over that a long run has no more than <see cref="MostLooks"/>.
/// </summary>
/// <param name="samples">Null asks nothing.</param>
/// <param name="every">Steps between two evaluations.</param>
internal sealed class SampledSteps(Samples? samples, SampleLog log, int every, int totalSteps, IProgress<StageProgress> report)
{
    public const int MostLooks = 50;
    private const int LongestPrompt = 500;

    private readonly int _stride = Math.Max(1, (int)Math.Ceiling((double)totalSteps / every / MostLooks));

    /// <summary>Asks after this step, if it is one of those.</summary>
    public void Look(int step, CancellationToken cancellationToken)
    {
        if (samples is null || (step % (every * _stride) != 0 && step != totalSteps) || (step == 0 && log.Has(0)))
        {
            return;
        }
        try
        {
            List<TrainingSample> told = [.. samples.Ask(cancellationToken).Select(one =>
                new TrainingSample(step, End(one.Prompt.Trim()), one.Expected, one.Answer))];
            log.Put(told);
            report.Report(new StageProgress { Samples = told });
        }
        catch (Exception error) when (OutOfMemory.Is(error))
        {
            report.Report(new(Message: $"Step {step}: there is no memory to ask the model beside its training, so it wasn't asked."));
        }
    }

    /// <summary>Not from the middle of a character of two halves.</summary>
    private static string End(string text) => text.Length <= LongestPrompt ? text
        : "…" + text[(char.IsLowSurrogate(text[^LongestPrompt]) ? text.Length - LongestPrompt + 1 : text.Length - LongestPrompt)..];
}
