using System.Text.Json;

namespace LoraAspire.Model;

/// <summary>
/// A JSON file of a model, an adapter or a data set. Whatever it holds, what comes out is a value or a <see cref="ModelException"/> with
/// the file and the reason.
/// </summary>
internal static class JsonFile
{
    /// <param name="what">What the file is, for errors: "model configuration".</param>
    /// <param name="make">A part that it looks for and that isn't there, or is of another kind, is told as a fault of the file too. Called
    /// while the element is alive.</param>
    /// <exception cref="ModelException">Too large, not JSON, or not what <paramref name="make"/> takes.</exception>
    public static T Read<T>(string path, string what, Func<JsonElement, T> make)
    {
        try
        {
            using var document = JsonDocument.Parse(WholeFile.Read(path, what));
            return make(document.RootElement);
        }
        // Of text there are escapes that stand for half a character: only taking the text out finds them (InvalidOperationException).
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or OverflowException or ArgumentException)
        {
            throw new ModelException($"{path} is not a readable {what}: {error.Message} Copy or fetch it again.", error);
        }
    }
}
