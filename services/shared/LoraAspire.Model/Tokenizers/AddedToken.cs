using System.Text.Json;

namespace LoraAspire.Model.Tokenizers;

/// <summary>A token beside the model's own pieces.</summary>
/// <param name="Special">Left out of decoded text.</param>
/// <param name="Strip">The white space around it that it takes with it where it is typed.</param>
internal readonly record struct AddedToken(string Text, int Id, bool Special, Strip Strip)
{
    /// <summary>Of an entry of added_tokens (tokenizer.json) or of added_tokens_decoder (tokenizer_config.json).</summary>
    public static AddedToken Of(JsonElement token, int id) => new(Vocabularies.Text(token), id,
        !token.TryGetProperty("special", out var special) || special.GetBoolean(), new(Is(token, "lstrip"), Is(token, "rstrip")));

    private static bool Is(JsonElement token, string name) =>
        token.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}

internal readonly record struct Strip(bool Left, bool Right);

/// <summary>An added token where a text spells it.</summary>
/// <param name="At">Where it is spelled.</param>
/// <param name="Start">Where the letters start that it stands for, white space that it takes included; <paramref name="End"/> is after
/// the last.</param>
public readonly record struct Marker(int At, int Start, int End, int Id);
