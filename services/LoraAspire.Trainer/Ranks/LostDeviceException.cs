namespace LoraAspire.Trainer.Ranks;

/// <summary>The process of another device is gone, or can't be reached any more.</summary>
public sealed class LostDeviceException(string message, Exception inner) : IOException(message, inner);
