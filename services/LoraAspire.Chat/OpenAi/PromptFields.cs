using System.Text.Json;
using LoraAspire.Chat.Requests;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Chat.OpenAi;

/// <summary>A text, or the ids of one: what completions go on with and embeddings are of.</summary>
public sealed record GivenText(string? Text, IReadOnlyList<int> Ids)
{
    /// <exception cref="RequestException">An id that the model has no token for.</exception>
    public int[] Encode(HfTokenizer tokenizer, string param)
    {
        if (Text is not null)
        {
            return tokenizer.Encode(Text, addBos: true);
        }
        LocalChatClient.RequireKnown(Ids, tokenizer.VocabSize, param);
        return [.. Ids];
    }

    /// <summary>The text. Ids that a vocabulary leaves out between its tokens have none.</summary>
    /// <exception cref="RequestException">An id that is beyond the vocabulary.</exception>
    public string Words(HfTokenizer tokenizer, string param) =>
        Text ?? tokenizer.Decode(Encode(tokenizer, param).Where(tokenizer.Knows));
}

/// <summary>A field that is a text, a list of texts, a list of token ids, or a list of such lists.</summary>
internal static class PromptFields
{
    private const string Forms = "must be a text, a list of texts, a list of token ids, or a list of such lists";

    public static IReadOnlyList<GivenText> Read(RequestFields body, string name, int most)
    {
        var value = body.Find(name) ?? throw body.Missing(name, "it " + Forms);
        List<GivenText> read = value.ValueKind switch
        {
            JsonValueKind.String => [new(value.GetString(), [])],
            JsonValueKind.Array when value.GetArrayLength() > 0 && value[0].ValueKind == JsonValueKind.Number => [Ids(body, name, value)],
            JsonValueKind.Array => [.. value.EnumerateArray().Select(item => item.ValueKind switch
            {
                JsonValueKind.String => new GivenText(item.GetString(), []),
                JsonValueKind.Array => Ids(body, name, item),
                _ => throw body.Bad(name, Forms),
            })],
            _ => throw body.Bad(name, Forms),
        };
        return read.Count == 0 || read.Exists(one => one.Text is null && one.Ids.Count == 0) ? throw body.Bad(name, "must not be empty")
            : read.Count > most ? throw body.Bad(name, $"must not hold more than {most} texts") : read;
    }

    public static GivenText Ids(RequestFields body, string name, JsonElement list)
    {
        List<int> ids = new(list.GetArrayLength());
        foreach (var item in list.EnumerateArray())
        {
            ids.Add(item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var id) ? id : throw body.Bad(name, Forms));
        }
        return new(null, ids);
    }
}
