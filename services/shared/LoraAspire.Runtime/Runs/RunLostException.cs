namespace LoraAspire.Runtime.Runs;

/// <summary>
/// A run can't be followed any further: Redis holds nothing of it any more, or nobody is there who would bring it forward. The message says
/// which, and what to do.
/// </summary>
public sealed class RunLostException(string message) : IOException(message);
