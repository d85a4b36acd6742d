using System.Text.Json;

namespace LoraAspire.Model;

/// <summary>JSON that callers and models write: how deeply it may nest, and whether all of it is text.</summary>
public static class ForeignJson
{
    /// <summary>Objects and lists within each other, of what is read.</summary>
    public const int Depth = 128;

    /// <summary>Of what is written: what was read becomes a part of it, a few levels further in.</summary>
    public const int WrittenDepth = Depth + 32;

    public static JsonDocumentOptions Read { get; } = new() { MaxDepth = Depth };

    /// <summary>For what was written here.</summary>
    public static JsonDocumentOptions ReadWritten { get; } = new() { MaxDepth = WrittenDepth };

    /// <summary>Whether none of its escapes (\ud800 to \udfff) is half a character, which no text can hold.</summary>
    public static bool IsText(JsonElement json)
    {
        try
        {
            TakeTexts(json);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static void TakeTexts(JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var field in json.EnumerateObject())
                {
                    _ = field.Name;
                    TakeTexts(field.Value);
                }
                break;
            case JsonValueKind.Array:
                foreach (var item in json.EnumerateArray())
                {
                    TakeTexts(item);
                }
                break;
            case JsonValueKind.String:
                _ = json.GetString();
                break;
            default:
                break;
        }
    }
}
