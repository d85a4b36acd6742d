using LoraAspire.Pipelines.Messages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime.Hosting;

/// <summary>Exception → what to tell the user, and whether trying again can help.</summary>
public static class Failure
{
    // errno, which .NET leaves in an IOException's HResult
    private const int DiskError = 5;
    private const int TooManyFiles = 24;
    private const int NoSpace = 28;
    private const int ReadOnly = 30;
    private const int OverQuota = 122;

    public static (FailureCause Cause, string Words) Of(Exception error) => error switch
    {
        AggregateException { InnerExceptions.Count: > 0 } all => Of(MostTelling(all)),
        StageException stage => (stage.Transient ? FailureCause.Transient : FailureCause.Permanent, stage.Message),
        LostArtifactException => (FailureCause.InputLost, error.Message),
        StoreException => (FailureCause.Permanent, error.Message),
        UnauthorizedAccessException => (FailureCause.Permanent, $"{error.Message} Give the user that runs the services the right to it."),
        IOException => OfDisk((IOException)error),
        _ => (FailureCause.Permanent, $"A fault of LoraAspire, please report it: {error.GetType().Name}: {error.Message}"),
    };

    private static (FailureCause Cause, string Words) OfDisk(IOException error) => (error.HResult & 0xFFFF) switch
    {
        NoSpace or OverQuota => (FailureCause.Transient,
            $"No disk space left: {error.Message} Make room (`lora gc` shows what nobody needs) and submit again: finished stages are "
                + "kept."),
        ReadOnly => (FailureCause.Permanent,
            $"{error.Message} The disk can't be written: mount it writable, or set LORA_STORE to a folder that is."),
        DiskError => (FailureCause.Permanent,
            $"{error.Message} The disk can't read or write it: look into the system's log, and keep the store on another disk."),
        TooManyFiles => (FailureCause.Transient, $"{error.Message} Raise the limit of open files (ulimit -n)."),
        _ => (FailureCause.Transient, error.Message),
    };

    /// <summary>
    /// Work over all cores fails in a bundle. That the others were stopped says nothing; a known reason says more than a fault.
    /// </summary>
    private static Exception MostTelling(AggregateException all)
    {
        var inner = all.Flatten().InnerExceptions;
        return inner.FirstOrDefault(error => error is StageException or StoreException or IOException or UnauthorizedAccessException)
            ?? inner.FirstOrDefault(error => error is not OperationCanceledException) ?? inner[0];
    }
}
