using LoraAspire.Pipelines.Messages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime.Hosting;

/// <summary>Exception → what to tell the user, and whether trying again can help.</summary>
public static class Failure
{
    private const int NoSpace = 28;
    private const int OverQuota = 122;

    public static (FailureCause Cause, string Words) Of(Exception error) => error switch
    {
        AggregateException { InnerException: { } inner } => Of(inner),
        StageException stage => (stage.Transient ? FailureCause.Transient : FailureCause.Permanent, stage.Message),
        StoreException => (FailureCause.Permanent, error.Message),
        UnauthorizedAccessException => (FailureCause.Permanent, $"{error.Message} Give the user that runs the services the right to it."),
        IOException when (error.HResult & 0xFFFF) is NoSpace or OverQuota => (FailureCause.Transient, $"No disk space left: {error.Message} Make room and submit again: finished stages are kept."),
        IOException => (FailureCause.Transient, error.Message),
        _ => (FailureCause.Permanent, $"A fault of LoraAspire, please report it: {error.GetType().Name}: {error.Message}"),
    };
}
