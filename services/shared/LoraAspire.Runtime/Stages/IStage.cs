using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime.Stages;

/// <summary>
/// The work of one stage kind. Reads its inputs, writes each output into <see cref="StageContext{TParams}.OutputDir"/>, reports progress.
/// Throw <see cref="StageException"/> for what the user can mend; any other exception is a fault of ours and is reported as such.
/// </summary>
public interface IStage<TParams> where TParams : StageParams
{
    Task RunAsync(StageContext<TParams> context, CancellationToken cancellationToken);

    /// <summary>What can be known to be wrong before a start: of the parameters, and of what is there already.</summary>
    IEnumerable<Finding> Check(StageCheck<TParams> given) => [];

    /// <summary>How many records the output will have at most, where a look at the files tells; the stages that follow are told.</summary>
    long? Records(StageCheck<TParams> given) => null;
}

/// <summary>What a stage can look at before its run.</summary>
/// <param name="Inputs">Input name → folder. What an earlier stage makes isn't among them.</param>
public sealed record StageCheck<TParams>(TParams With, IReadOnlyDictionary<string, string> Inputs,
    DataRoot Data) where TParams : StageParams
{
    /// <summary>Of the data set that an earlier stage will make, at most; null where that isn't known.</summary>
    public long? Records { get; init; }
}

/// <summary>Something that would keep a stage from running.</summary>
/// <param name="Key">The parameter or the input that it is about; "key[2]" is an item of a list.</param>
public sealed record Finding(string Key, string Problem);

/// <summary>What one stage's look gave.</summary>
public sealed record StageOutlook(IReadOnlyList<Finding> Findings, long? Records = null);

/// <summary>
/// What a stage gets. Folders exist when the stage starts; the store publishes what lies in each output folder afterwards.
/// </summary>
/// <param name="With">The stage's parameters, validated.</param>
/// <param name="Inputs">Input name → read-only folder of the artifact.</param>
/// <param name="Data">Where relative data paths of the YAML are resolved, without leaving the root.</param>
/// <param name="ScratchDir">Private to this attempt; outputs lie in its <c>out/</c>.</param>
/// <param name="CheckpointDir">Kept across attempts and worker deaths of the same stage key; emptied once the stage has finished.</param>
/// <param name="Report">Progress for people. Cheap to call; may be dropped.</param>
public sealed record StageContext<TParams>(
    TParams With, IReadOnlyDictionary<string, string> Inputs, DataRoot Data,
    string ScratchDir, string CheckpointDir, IProgress<StageProgress> Report) where TParams : StageParams
{
    /// <summary>Empty when a stage runs outside a pipeline.</summary>
    public string PipelineName { get; init; } = "";

    /// <summary>Counted from 1.</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>Input name → digest of what lies there; empty when a stage runs outside a pipeline.</summary>
    public IReadOnlyDictionary<string, string> InputDigests { get; init; } = new Dictionary<string, string>();

    /// <summary>Input name → file → SHA-256, where it is known; empty when a stage runs outside a pipeline. Looked up when asked.</summary>
    public Func<string, IReadOnlyDictionary<string, string>> FileDigests { get; init; } = _ => new Dictionary<string, string>();

    /// <summary>SHA-256 of files of an input, in lower-case hex. What isn't known is hashed, with progress.</summary>
    public IReadOnlyList<string> DigestsOf(string input, IReadOnlyList<string> files, CancellationToken cancellationToken)
    {
        var known = FileDigests(input);
        string PathOf(string file) => Path.Combine(Inputs[input], file);
        HashMeter meter = new(files.Where(file => !known.ContainsKey(file)).Sum(file => FileStamp.Of(PathOf(file)).Size),
            new CheckReport(Report));
        return FileDigest.Each(files,
            file => known.GetValueOrDefault(file) ?? FileDigest.Of(PathOf(file), null, meter, cancellationToken), cancellationToken);
    }

    /// <summary>Where a stage that hashes what it writes says so.</summary>
    public WrittenDigests Digests { get; init; } = new();

    /// <summary>
    /// Kept across runs and stage keys: what cost much and may be used again. Its stage kind alone writes there, and nothing may be missed
    /// when it is gone.
    /// </summary>
    public string CacheDir { get; init; } = CheckpointDir;

    /// <summary>A line of the run's log.</summary>
    public void Say(string message) => Report.Report(new(Message: message));

    /// <summary>
    /// The folder whose content becomes the output artifact of this name. Created on first call; an output never asked for is not
    /// published.
    /// </summary>
    public string OutputDir(string output) => Directory.CreateDirectory(Path.Combine(ScratchDir, "out", output)).FullName;
}

/// <summary>
/// A failure in words for the user. <see cref="Transient"/> failures may be tried again within the stage's <c>retries</c>.
/// </summary>
public sealed class StageException(string message, bool transient = false, Exception? inner = null) : Exception(message, inner)
{
    public bool Transient { get; } = transient;
}
