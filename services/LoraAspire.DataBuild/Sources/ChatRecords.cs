using System.Text.Json;
using LoraAspire.DataBuild.Sources.Tables;
using LoraAspire.Model.Generation;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>
/// Conversations as ShareGPT writes them (<c>conversations</c> of from, value) or OpenAI (<c>messages</c> of role, content) → one record
/// each: the last question and answer, the turns before as its history. A question after the last answer is cut off. What is no
/// conversation of texts in turn is left out with a reason.
/// </summary>
internal sealed class ChatRecords(DataFile file) : ISourceReader<ChatSource>
{
    private static readonly Dictionary<string, string> Roles = new(StringComparer.OrdinalIgnoreCase)
    {
        ["human"] = "user",
        ["user"] = "user",
        ["gpt"] = "assistant",
        ["chatgpt"] = "assistant",
        ["assistant"] = "assistant",
        ["system"] = "system",
        ["developer"] = "system",
    };

    public static IEnumerable<SourceRecord> Read(ChatSource source, SourceContext context) =>
        new ChatRecords(context.Find(source.Path)).Read();

    public IEnumerable<SourceRecord> Read() => TableRows.IsJson(file) ? new JsonRows<SourceRecord>(file, Record).Read()
        : TableRows.Form(file) == ".parquet" ? ParquetNestedRows.Read(file).Select(row => Record(row.Row, row.Place))
        : throw new StageException(
            $"{file.Name}: conversations are read from .json, .jsonl and .parquet. Write this file as one of them, a conversation a line.");

    private static SourceRecord Record(JsonElement row, Place place)
    {
        var hasMessages = row.TryGetProperty("messages", out var messages);
        // Some tables have both columns, of which one is null or empty in each row.
        var (list, from, value) = row.TryGetProperty("conversations", out var conversations)
            && conversations.ValueKind != JsonValueKind.Null && !(hasMessages && IsEmpty(conversations)) ? (conversations, "from", "value")
            : hasMessages ? (messages, "role", "content")
            : throw place.Wrong($"row {place.Row} has neither 'conversations' nor 'messages'. It "
                + $"has: {string.Join(", ", row.EnumerateObject().Select(column => column.Name))}");
        if (list.ValueKind != JsonValueKind.Array)
        {
            throw place.Wrong($"row {place.Row}: the conversation is {list.ValueKind.ToString().ToLowerInvariant()}, but must be a list "
                + $"of turns with '{from}' and '{value}'");
        }
        var system = row.TryGetProperty("system", out var own) && own.ValueKind == JsonValueKind.String ? own.GetString() : null;
        List<Turn> turns = [];
        foreach (var message in list.EnumerateArray())
        {
            // Some write OpenAI's turns into ShareGPT's list, or the other way round.
            var openAi = message.ValueKind == JsonValueKind.Object && message.TryGetProperty("role", out _);
            if (message.ValueKind != JsonValueKind.Object || !message.TryGetProperty(openAi ? "role" : "from", out var role)
                || role.ValueKind != JsonValueKind.String)
            {
                throw place.Wrong($"row {place.Row}: a turn has no '{from}'. Every turn is {{ \"{from}\": ..., \"{value}\": ... }}");
            }
            if (!message.TryGetProperty(openAi ? "content" : "value", out var content) || Text(content) is not { } text
                || CallsTools(message))
            {
                return Left(place, "a turn that isn't text");
            }
            if (message.TryGetProperty("weight", out var weight) && weight.ValueKind == JsonValueKind.Number && weight.GetDouble() == 0)
            {
                return Left(place, "an answer that isn't to be learned (weight 0)");
            }
            switch (Roles.GetValueOrDefault(role.GetString()!))
            {
                case "system" when turns.Count == 0:
                    system = system is null ? text : system + "\n" + text;
                    break;
                case "user" when turns is [] or [.., { Answer: not null }]:
                    turns.Add(new(text));
                    break;
                case "assistant" when turns is [.., { Answer: null }]:
                    turns[^1] = turns[^1] with { Answer = text };
                    break;
                case null:
                    return Left(place,
                        role.GetString() is { Length: <= 24 } name && name.All(letter => char.IsAsciiLetter(letter) || letter is '_' or '-')
                            ? $"a turn of '{name}'" : "a turn of a role that isn't known");
                default:
                    return Left(place, "turns that don't alternate, beginning with a question");
            }
        }
        if (turns is [.., { Answer: null }])
        {
            turns.RemoveAt(turns.Count - 1);
        }
        return turns is [.., var last]
            ? new(new(last.Question, "", last.Answer!) { History = turns[..^1], System = system }, place.File, place.Row, place.Line)
            : Left(place, "no answer in the conversation");
    }

    private static bool IsEmpty(JsonElement list) => list.ValueKind == JsonValueKind.Array && list.GetArrayLength() == 0;

    /// <summary>A text, or OpenAI's list of parts where all of them are texts; else null.</summary>
    private static string? Text(JsonElement content) => content.ValueKind switch
    {
        JsonValueKind.String => content.GetString(),
        JsonValueKind.Array when content.EnumerateArray()
            .All(part => part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out var type) && type.ValueEquals("text")
            && part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String) =>
                string.Concat(content.EnumerateArray().Select(part => part.GetProperty("text").GetString())),
        _ => null,
    };

    private static bool CallsTools(JsonElement message) =>
        message.TryGetProperty("function_call", out var call) && call.ValueKind == JsonValueKind.Object
        || message.TryGetProperty("tool_calls", out var calls) && calls.ValueKind != JsonValueKind.Null
            && !(calls.ValueKind == JsonValueKind.Array && calls.GetArrayLength() == 0);

    private static SourceRecord Left(Place place, string reason) =>
        new(new("", "", ""), place.File, place.Row, place.Line) { Dropped = reason };
}
