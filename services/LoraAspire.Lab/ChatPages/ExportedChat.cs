using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraAspire.Lab.ChatPages;

/// <summary>
/// A conversation as a file: the body of a request to OpenAI's API that would go on with it, of what is shown, with a title. A second
/// column stands under <c>beside</c>, and all that isn't shown, other answers and edited questions, under <c>whole</c>.
/// </summary>
public static class ExportedChat
{
    /// <summary>Bytes of a file: what is shown of the largest conversation stands in it up to three times.</summary>
    public const int Largest = 4 * KeptText.Largest;

    /// <summary>Of what stands under <c>whole</c>; of a file with another one, only what is shown is read.</summary>
    private const int Version = 1;

    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonSerializerOptions s_short = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="models">Of each column, where the conversation leaves it to the service.</param>
    public static string Write(Conversation conversation, IReadOnlyList<string?> models)
    {
        var file = Readable(conversation, models);
        file["whole"] = new JsonObject
        {
            ["version"] = Version,
            ["conversation"] = JsonNode.Parse(KeptText.Write(conversation with
            {
                Model = models[0],
                Other = conversation.IsBeside ? models[1] : conversation.Other,
            })),
        };
        return file.ToJsonString(s_json) + "\n";
    }

    /// <summary>What people and other programs read.</summary>
    private static JsonObject Readable(Conversation conversation, IReadOnlyList<string?> models)
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
        return file;
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
            return file is not null && Whole(file) is { } whole ? whole with { Id = id } : Kept(Beside(file, Filled(new Conversation(id)
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
            }, messages)));
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
        return read.Turns.Count > 0 ? read : null;
    }

    /// <summary>With what the other model said to the same questions.</summary>
    private static Conversation? Beside(JsonObject? file, Conversation? read)
    {
        if (read is null || file?["beside"] is not JsonObject beside)
        {
            return read;
        }
        var both = read with { IsBeside = true, Other = Text(beside, "model") };
        var at = -1; // each question is a turn here, one after the other
        foreach (var message in beside["messages"] as JsonArray ?? [])
        {
            var (role, said) = (Text(message as JsonObject, "role"), Text(message as JsonObject, "content"));
            if (role == Said.User)
            {
                at++;
                if (at >= both.Turns.Count || both.Turns[at].Question != said)
                {
                    return null;
                }
            }
            else if (role == Said.Assistant && said is not null && at >= 0 && both.Turns[at].Of(1) is null)
            {
                both = both.Answering(at, 1, new(both.Other ?? "") { Text = said, Finish = "stop" });
            }
            else if (role is not ("system" or "developer") || at >= 0)
            {
                return null;
            }
        }
        return both;
    }

    /// <summary>
    /// All of a conversation; null where it isn't there, and where what is shown was changed in the file since: that is what somebody read.
    /// </summary>
    private static Conversation? Whole(JsonObject file) =>
        file["whole"] is JsonObject whole && whole["version"] is JsonValue version && version.TryGetValue(out int number)
        && number == Version && whole["conversation"] is { } conversation
        && KeptText.Read(Encoding.UTF8.GetBytes(conversation.ToJsonString(s_short))) is { Leaf: not null } read && IsOf(file, read)
            ? read : null;

    private static bool IsOf(JsonObject file, Conversation whole)
    {
        var shown = JsonNode.Parse(Readable(whole, [whole.Model, whole.Other]).ToJsonString())!.AsObject();
        return file.Count == shown.Count + 1
            && shown.All(part => file.ContainsKey(part.Key) && JsonNode.DeepEquals(part.Value, file[part.Key]));
    }

    /// <summary>As it would come back from the browser; null where it wouldn't.</summary>
    private static Conversation? Kept(Conversation? read) =>
        read is null ? null : KeptText.Read(Encoding.UTF8.GetBytes(KeptText.Write(read)));

    private static JsonArray Messages(Conversation conversation, int column) =>
        [.. conversation.Shown(column).Select(one => new JsonObject { ["role"] = one.Role, ["content"] = one.Content })];

    private static string? Text(JsonObject? from, string name) =>
        from?[name] is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private static double? Number(JsonObject? from, string name, SamplingRange range) =>
        from?[name] is JsonValue value && value.TryGetValue(out double number) && range.Takes(number) ? number : null;
}
