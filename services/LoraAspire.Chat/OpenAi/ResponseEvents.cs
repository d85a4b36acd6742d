using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Chat.Answers;
using LoraAspire.Model.Generation;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>
/// The events of a streamed response, in OpenAI's order: begun, its one message and its text, the text's pieces, and all of it whole.
/// </summary>
internal sealed class ResponseEvents(ResponseObject begun, ResponseItem item)
{
    private int _sequence;

    public async IAsyncEnumerable<string> OfAsync(IAsyncEnumerable<ChatResponseUpdate> updates)
    {
        CollectedAnswers said = new();
        await foreach (var update in updates)
        {
            foreach (var opening in _sequence == 0 ? Opening() : [])
            {
                yield return opening;
            }
            said.Add(update);
            var piece = LocalChatClient.PieceOf(update);
            if (update.Text.Length > 0 || piece.Logprobs.Count > 0)
            {
                yield return Text("delta", update.Text, piece.Logprobs);
            }
        }
        var ended = begun.Ended(item, said);
        var whole = ended.Output[0].Content[0];
        yield return Text("done", whole.Text, said.Answers[0].Logprobs, name: "text");
        yield return Part("done", whole);
        yield return Event("response.output_item.done", new() { ["output_index"] = 0, ["item"] = Node(ended.Output[0]) });
        yield return Event($"response.{ended.Status}", new() { ["response"] = Node(ended) });
    }

    /// <summary>What went wrong after the stream had begun.</summary>
    public static string Error(string message, string? param, string? code) => Frame("error",
        new() { ["type"] = "error", ["code"] = code, ["message"] = message, ["param"] = param, ["sequence_number"] = 0 });

    private IEnumerable<string> Opening()
    {
        yield return Event("response.created", new() { ["response"] = Node(begun) });
        yield return Event("response.in_progress", new() { ["response"] = Node(begun) });
        yield return Event("response.output_item.added", new() { ["output_index"] = 0, ["item"] = Node(item) });
        yield return Part("added", ResponsePart.Of("", []));
    }

    private string Text(string kind, string text, IReadOnlyList<TokenLogprob> logprobs, string name = "delta") =>
        Event($"response.output_text.{kind}", new()
        {
            ["item_id"] = item.Id,
            ["output_index"] = 0,
            ["content_index"] = 0,
            [name] = text,
            ["logprobs"] = Node(logprobs.Select(LogprobEntry.Of)),
        });

    private string Part(string kind, ResponsePart part) => Event($"response.content_part.{kind}",
        new() { ["item_id"] = item.Id, ["output_index"] = 0, ["content_index"] = 0, ["part"] = Node(part) });

    private string Event(string type, JsonObject data)
    {
        data.Insert(0, "type", type);
        data.Insert(1, "sequence_number", _sequence++);
        return Frame(type, data);
    }

    private static JsonNode? Node<T>(T value) => JsonSerializer.SerializeToNode(value, OpenAiJson.Options);

    private static string Frame(string type, JsonObject data) => $"event: {type}\ndata: {data.ToJsonString(OpenAiJson.Options)}\n\n";
}
