namespace LoraAspire.Model;

/// <summary>A model, adapter or weight file that can't be used, in words for the user: which file, what is wrong, what to do.</summary>
public class ModelException(string message, Exception? inner = null) : Exception(Cut(message), inner)
{
    private const int Longest = 4000;

    /// <summary>A message quotes names out of a file, which may be of any length. Its end says what to do.</summary>
    private static string Cut(string message) =>
        message.Length <= Longest ? message : $"{message.AsSpan(0, Longest * 3 / 4)} … {message.AsSpan(message.Length - (Longest / 4))}";
}
