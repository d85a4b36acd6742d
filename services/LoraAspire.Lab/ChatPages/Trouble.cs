namespace LoraAspire.Lab.ChatPages;

/// <summary>Why there is no answer, or no more of it. The page has the words.</summary>
/// <param name="Said">What the service says, in English.</param>
/// <param name="RetryAfter">Seconds after which it wants to be asked again.</param>
public sealed record Trouble(TroubleKind Kind, string? Said = null, int? RetryAfter = null);

public enum TroubleKind
{
    /// <summary>Nothing answers.</summary>
    Away,

    /// <summary>Too many wait already.</summary>
    Busy,

    /// <summary>No such model, or no longer.</summary>
    NoModel,

    /// <summary>The conversation is longer than the model's context.</summary>
    TooLong,

    /// <summary>The service refuses the request.</summary>
    Refused,

    /// <summary>The service failed at it.</summary>
    Failed,

    /// <summary>The answer was cut off on its way.</summary>
    Cut,
}

public sealed class ChatTroubleException(Trouble trouble, Exception? inner = null) : Exception(trouble.Said ?? $"{trouble.Kind}", inner)
{
    public Trouble Trouble { get; } = trouble;
}
