using System.Globalization;
using System.Text;
using System.Text.Json;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime.Runs;

/// <summary>The steps of a training that is over, from the file beside what it gave.</summary>
/// <param name="Steps">Empty where they can't be shown, and <paramref name="Trouble"/> says why.</param>
public sealed record StageTraining(string Stage, IReadOnlyList<StepMetrics> Steps, NotShown? Trouble = null)
{
    /// <summary>What the model answered on the way; none where it wasn't asked, or that can't be read.</summary>
    public IReadOnlyList<TrainingSample> Samples { get; init; } = [];

    /// <summary>What is said of an artifact that is gone.</summary>
    public const string Lost = "The store no longer holds it. Run the pipeline again: what is missing is made again.";

    public const string NotKept = "Its steps were not kept.";
    public const string TooLarge = "{0} is too large for a page: download it.";
    public const string Unreadable = "{0} can't be read: {1}";

    /// <summary>A file that is larger is no page's.</summary>
    internal const long Largest = 32 << 20;

    /// <summary>A line of the file is about 200 bytes.</summary>
    private const int TailBytes = 4096;

    /// <summary>The lowest loss on held-out rows, and after which step; null where there were none.</summary>
    public StepMetrics? Best => Steps.Where(step => step.EvalLoss is not null).MinBy(step => step.EvalLoss);

    /// <summary>The digest of what this stage trained; null of a stage that doesn't train or has given nothing.</summary>
    public static string? DigestOf(StageState stage) => stage.Description is not { Trains: true } ? null
        : stage.Output(ArtifactKind.Adapter) ?? stage.Output(ArtifactKind.Model);

    /// <param name="stage">One that has trained something.</param>
    public static StageTraining Read(StageState stage, ArtifactStore store)
    {
        try
        {
            var digest = DigestOf(stage)!;
            return File(digest, StepMetrics.FileName, store) is not { } file ? new(stage.Id, [], new(NotKept))
                : file.Length > Largest ? new(stage.Id, [], new(TooLarge, StepMetrics.FileName))
                : new(stage.Id, StepMetrics.Read(file.FullName)) { Samples = SamplesOf(digest, store) };
        }
        catch (LostArtifactException)
        {
            return new(stage.Id, [], new(Lost));
        }
        catch (Exception error) when (CanBeTold(error))
        {
            return new(stage.Id, [], new(Unreadable, StepMetrics.FileName, error.Message));
        }
    }

    /// <summary>The last step of what a run trained last, without reading those before it; null where it isn't known.</summary>
    public static StepMetrics? LastStep(RunState run, ArtifactStore store)
    {
        try
        {
            if (run.Stages.Select(DigestOf).OfType<string>().LastOrDefault() is not { } digest
                || File(digest, StepMetrics.FileName, store) is not { } file)
            {
                return null;
            }
            using var stream = file.OpenRead();
            stream.Seek(-Math.Min(TailBytes, stream.Length), SeekOrigin.End);
            using StreamReader reader = new(stream, Encoding.UTF8);
            return JsonSerializer.Deserialize<StepMetrics>(reader.ReadToEnd().TrimEnd().Split('\n')[^1], JsonSerializerOptions.Web);
        }
        catch (Exception error) when (CanBeTold(error))
        {
            return null;
        }
    }

    internal static FileInfo? File(string digest, string name, ArtifactStore store) =>
        store.Manifest(digest).Files.Any(file => file.Path == name) ? new(Path.Combine(store.Folder(digest), name)) : null;

    private static IReadOnlyList<TrainingSample> SamplesOf(string digest, ArtifactStore store)
    {
        try
        {
            return File(digest, TrainingSample.FileName, store) is { Length: <= Largest } file ? TrainingSample.Read(file.FullName) : [];
        }
        catch (Exception error) when (CanBeTold(error))
        {
            return [];
        }
    }

    private static bool CanBeTold(Exception error) =>
        error is IOException or UnauthorizedAccessException or StoreException or JsonException;
}

/// <summary>Why something can't be shown, in a form that can be said in another language, too.</summary>
/// <param name="Text">English, with a place for each of the parts.</param>
public sealed record NotShown(string Text, params IReadOnlyList<string> Parts)
{
    public override string ToString() => string.Format(CultureInfo.InvariantCulture, Text, [.. Parts]);
}
