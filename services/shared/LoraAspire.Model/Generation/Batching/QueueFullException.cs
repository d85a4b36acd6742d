namespace LoraAspire.Model.Generation.Batching;

/// <summary>As many requests wait for the model as may; ask again later.</summary>
/// <param name="retryAfter">When a place should be free, by how long requests took of late.</param>
public sealed class QueueFullException(string message, TimeSpan retryAfter) : Exception(message)
{
    public TimeSpan RetryAfter { get; } = retryAfter;
}
