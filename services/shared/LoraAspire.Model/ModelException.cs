namespace LoraAspire.Model;

/// <summary>A model, adapter or weight file that can't be used, in words for the user: which file, what is wrong, what to do.</summary>
public sealed class ModelException(string message, Exception? inner = null) : Exception(message, inner);
