using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraAspire.Lab.ChatPages;

/// <summary>
/// A conversation as a file: the body of a request to OpenAI's API that would go on with it, of what is shown, with a title. A second
/// column stands under <c>beside</c>.
/// </summary>
public static class ExportedChat
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <param name="models">Of each column, where the conversation leaves it to the service.</param>
    public static string Write(Conversation conversation, IReadOnlyList<string?> models)
    {
        JsonObject file = new() { ["title"] = conversation.Title, ["model"] = models[0], ["messages"] = Messages(conversation, 0) };
        var sampling = conversation.Sampling;
        foreach (var (name, value) in new (string, double?)[]
        {
            ("temperature", sampling.Temperature), ("top_p", sampling.TopP), ("top_k", sampling.TopK),
            ("repetition_penalty", sampling.RepetitionPenalty), ("max_tokens", sampling.MaxTokens), ("seed", sampling.Seed),
        })
        {
            if (value is { } given)
            {
                file[name] = given == Math.Floor(given) ? (long)given : given;
            }
        }
        if (conversation.IsBeside)
        {
            file["beside"] = new JsonObject { ["model"] = models[1], ["messages"] = Messages(conversation, 1) };
        }
        return file.ToJsonString(s_json) + "\n";
    }

    /// <summary>Such a file, or any list of messages, as a conversation; null where it is neither.</summary>
    public static Conversation? Read(string text, string id)
    {
        try
        {
            var root = JsonNode.Parse(text);
            if ((root as JsonArray ?? root?["messages"] as JsonArray) is not { Count: > 0 } messages)
            {
                return null;
            }
            var file = root as JsonObject;
            return Filled(new Conversation(id)
            {
                Model = Text(file, "model"),
                Title = Text(file, "title") is { } title ? title[..Math.Min(title.Length, Conversation.LongestTitle)] : "",
                Sampling = new()
                {
                    Temperature = Number(file, "temperature", SamplingRange.Temperature),
                    TopP = Number(file, "top_p", SamplingRange.TopP),
                    TopK = (int?)Number(file, "top_k", SamplingRange.TopK),
                    RepetitionPenalty = Number(file, "repetition_penalty", SamplingRange.RepetitionPenalty),
                    MaxTokens = (int?)Number(file, "max_tokens", SamplingRange.MaxTokens),
                    Seed = (int?)Number(file, "seed", SamplingRange.Seed),
                },
            }, messages);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            return null; // no JSON, another kind of node, or a key that stands twice
        }
    }

    private static Conversation? Filled(Conversation read, JsonArray messages)
    {
        foreach (var message in messages)
        {
            if (Text(message as JsonObject, "content") is not { Length: <= KeptText.LongestQuestion } said)
            {
                return null;
            }
            switch (Text(message as JsonObject, "role"))
            {
                case "system" or "developer" when read.Turns.Count == 0:
                    read = read with { System = read.System.Length > 0 ? $"{read.System}\n{said}" : said };
                    break;
                case "user":
                    read = read.Asking(said, read.Leaf);
                    break;
                case "assistant" when read.Leaf is { } turn && read.Turns[turn].Answers.Count == 0:
                    read = read.Answering(turn, 0, new(read.Model ?? "") { Text = said, Finish = "stop" });
                    break;
                default:
                    return null;
            }
        }
        // Together they may be more than the browser would give back.
        return read.Turns.Count > 0 ? KeptText.Read(Encoding.UTF8.GetBytes(KeptText.Write(read))) : null;
    }

    private static JsonArray Messages(Conversation conversation, int column) =>
        [.. conversation.Shown(column).Select(one => new JsonObject { ["role"] = one.Role, ["content"] = one.Content })];

    private static string? Text(JsonObject? from, string name) =>
        from?[name] is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private static double? Number(JsonObject? from, string name, SamplingRange range) =>
        from?[name] is JsonValue value && value.TryGetValue(out double number) && range.Takes(number) ? number : null;
}
