using System.Globalization;
using System.Text.Json;

namespace LoraAspire.Model.Tokenizers;

/// <summary>What the files of a tokenizer may say of its tokens.</summary>
internal static class Vocabularies
{
    /// <summary>Several times the largest vocabulary of this kind. A table goes by id, so that one id could take any memory.</summary>
    private const int MaxId = 1 << 21;

    /// <exception cref="FormatException">No id, or one beyond reason.</exception>
    public static int Id(string token, JsonElement value) => Id(token, value.GetInt32());

    /// <inheritdoc cref="Id(string, JsonElement)"/>
    public static int Id(string token, int id) => id is >= 0 and <= MaxId ? id
        : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"'{token}' has the id {id}; ids are 0 to {MaxId}."));

    /// <summary>The spelling of an added token.</summary>
    /// <exception cref="FormatException">It has none.</exception>
    public static string Text(JsonElement token) => token.GetProperty("content").GetString() is { Length: > 0 } text ? text
        : throw new FormatException("an added token has no text.");
}
