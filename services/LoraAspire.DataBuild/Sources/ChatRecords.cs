using System.Text.Json;
using LoraAspire.DataBuild.Sources.Conversations;
using LoraAspire.DataBuild.Sources.Tables;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>
/// Conversations as ShareGPT writes them (<c>conversations</c> of from, value) or OpenAI (<c>messages</c> of role, content) → one record
/// each: the last question and answer, the turns before as its history. What no row can hold is left out with a reason, what only a chat
/// template can write is marked.
/// </summary>
internal sealed class ChatRecords(DataFile file, EmptyOutput emptyOutput = EmptyOutput.Keep) : ISourceReader<ChatSource>
{
    private static readonly string[] Media = ["images", "image", "videos", "video", "audios", "audio"];

    public static IEnumerable<SourceRecord> Read(ChatSource source, SourceContext context) =>
        new ChatRecords(context.Find(source.Path), context.EmptyOutput).Read();

    public IEnumerable<SourceRecord> Read() => TableRows.IsJson(file) ? new JsonRows<SourceRecord>(file, Record, IsRow).Read()
        : TableRows.Form(file) == ".parquet" ? ParquetNestedRows.Read(file).Select(row => OfParquet(row.Row, row.Place))
        : throw new StageException(
            $"{file.Name}: conversations are read from .json, .jsonl and .parquet. Write this file as one of them, a conversation a line.");

    private SourceRecord OfParquet(JsonElement row, Place place)
    {
        try
        {
            return Record(row, place);
        }
        catch (InvalidOperationException)
        {
            throw place.Wrong($"row {place.Row} holds half of a surrogate pair, which is no character");
        }
    }

    private static bool IsRow(string name, JsonHolds holds) =>
        name is "conversations" or "messages" && holds is JsonHolds.Objects or JsonHolds.Nothing or JsonHolds.Value;

    private SourceRecord Record(JsonElement row, Place place)
    {
        var (list, role, content) = Turns(row, place);
        ConversationBuilder conversation = new(
            row.TryGetProperty("system", out var own) && own.ValueKind == JsonValueKind.String ? own.GetString() : null,
            emptyOutput == EmptyOutput.Keep);
        if (Array.Exists(Media, name => row.TryGetProperty(name, out var media) && !IsNothing(media)))
        {
            return Left(place, "an image, a video or a sound");
        }
        foreach (var message in list.EnumerateArray())
        {
            if (SpokenTurn.Of(message) is not { } turn)
            {
                throw place.Wrong($"row {place.Row}: a turn has no '{role}'. Every turn is {{ \"{role}\": ..., \"{content}\": ... }}");
            }
            if (turn.Problem is { } problem)
            {
                return Left(place, problem);
            }
            conversation.Add(turn);
        }
        return conversation.Problem is { } unusable ? Left(place, unusable)
            : conversation.Record(place, ToolList.Of(row));
    }

    /// <summary>The list of turns, and what its form calls who speaks and what is said.</summary>
    private static (JsonElement List, string Role, string Content) Turns(JsonElement row, Place place)
    {
        var hasMessages = row.TryGetProperty("messages", out var messages);
        // Some tables have both columns, of which one is null or empty in each row.
        var found = row.TryGetProperty("conversations", out var conversations)
            && conversations.ValueKind != JsonValueKind.Null && !(hasMessages && IsNothing(conversations))
                ? (conversations, "from", "value")
            : hasMessages ? (messages, "role", "content")
            : throw place.Wrong($"row {place.Row} has neither 'conversations' nor 'messages'. It "
                + $"has: {string.Join(", ", row.EnumerateObject().Select(column => column.Name))}");
        return found.Item1.ValueKind == JsonValueKind.Array ? found
            : throw place.Wrong($"row {place.Row}: the conversation is {found.Item1.ValueKind.ToString().ToLowerInvariant()}, but must be "
                + $"a list of turns with '{found.Item2}' and '{found.Item3}'");
    }

    private static bool IsNothing(JsonElement value) => value.ValueKind == JsonValueKind.Null
        || value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0 || value.ValueKind == JsonValueKind.String
            && value.ValueEquals("");

    private static SourceRecord Left(Place place, string reason) =>
        new(new("", "", ""), place.File, place.Row, place.Line) { Dropped = reason };
}
