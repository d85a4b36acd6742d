using System.Text;
using System.Text.Json;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>JSON as its inventors meant it, but for commas before a closing bracket, and comments.</summary>
internal static class Json
{
    private static readonly JsonDocumentOptions Tolerant = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    /// <summary>The value that is all of the text, or null.</summary>
    public static JsonElement? TryParse(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(Encoding.UTF8.GetBytes(text), Tolerant);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The value that begins at <paramref name="at"/>, which is moved behind it; null when there is none, or it is longer than <paramref name="longest"/>.</summary>
    public static JsonElement? TryRead(string text, ref int at, int longest)
    {
        var bytes = Encoding.UTF8.GetBytes(text, at, Math.Min(longest, text.Length - at));
        Utf8JsonReader reader = new(bytes, new JsonReaderOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
        try
        {
            using var document = JsonDocument.ParseValue(ref reader);
            at += Encoding.UTF8.GetCharCount(bytes, 0, (int)reader.BytesConsumed);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
