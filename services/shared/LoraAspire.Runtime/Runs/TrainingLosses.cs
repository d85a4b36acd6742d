using System.Text.Json;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime.Runs;

/// <summary>How a training ended.</summary>
/// <param name="Final">The smoothed loss of its last step.</param>
/// <param name="Validation">The lowest on held-out rows; null where there were none.</param>
public sealed record TrainingLosses(double? Final, double? Validation)
{
    public static TrainingLosses Unknown { get; } = new(null, null);

    /// <summary>Of the training that a run ended with; null of one that has given nothing yet.</summary>
    public static string? DigestOf(RunState run) => run.Stages.Select(StageTraining.DigestOf).OfType<string>().LastOrDefault();

    /// <param name="digest">Of what was trained.</param>
    public static TrainingLosses Read(string digest, ArtifactStore store)
    {
        var (last, best) = ((StepMetrics?)null, (double?)null);
        try
        {
            if (StageTraining.File(digest, StepMetrics.FileName, store) is not { Length: <= StageTraining.Largest } file)
            {
                return Unknown;
            }
            string? ended = null;
            foreach (var line in File.ReadLines(file.FullName))
            {
                ended = line;
                // Most steps have none, and a list of a thousand runs has many steps.
                if (!line.Contains("\"evalLoss\":null", StringComparison.Ordinal) && Step(line).EvalLoss is { } loss && !(best <= loss))
                {
                    best = loss;
                }
            }
            last = ended is null ? null : Step(ended);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StoreException or JsonException)
        {
            // Its page says what is wrong with it.
        }
        return new(last?.SmoothedLoss, best);
    }

    private static StepMetrics Step(string line) => JsonSerializer.Deserialize<StepMetrics>(line, JsonSerializerOptions.Web)
        ?? throw new JsonException("no step");
}
