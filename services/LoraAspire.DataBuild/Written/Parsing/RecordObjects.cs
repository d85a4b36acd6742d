using System.Net;
using System.Text.Json;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// Instruction records from the JSON objects of an answer, also from those inside a wrapper such as <c>{ "records": […] }</c>, and from the turns of conversations; where
/// there is no object at all, from <see cref="RecordLines"/>.
/// </summary>
internal static class RecordObjects
{
    public static ReadAnswer<InstructionRecord> Read(string answer)
    {
        answer = Unwrapped(answer);
        var objects = JsonObjects.Read(answer);
        if (objects.Items.Count == 0 && RecordLines.Read(answer) is { Items.Count: > 0 } lines)
        {
            return lines;
        }
        List<InstructionRecord> records = [];
        List<string> dropped = [.. objects.Dropped];
        RecordCollector turns = new(records, dropped);
        foreach (var item in objects.Items)
        {
            try
            {
                Collect(item, records, dropped, turns);
            }
            catch (InvalidOperationException)
            {
                // Half of a surrogate pair, which no file can hold.
                dropped.Add(JsonObjects.Malformed);
            }
        }
        turns.Flush();
        if (objects.Items.Count == 0 && objects.Dropped.Count == 0)
        {
            dropped.Add(ReadAnswer<InstructionRecord>.Prose);
        }
        return new(records, dropped);
    }

    /// <summary>The answer without a layer of escapes: the whole of it as one JSON string, a backslash before each quote, or HTML's entities.</summary>
    private static string Unwrapped(string answer)
    {
        var text = Blanks.Trim(answer);
        if (text.StartsWith('"') && text.EndsWith('"') && Json.TryParse(text) is { ValueKind: JsonValueKind.String } whole)
        {
            return whole.GetString()!;
        }
        return text.Contains("{\"", StringComparison.Ordinal) ? answer
            : text.Contains("{\\\"", StringComparison.Ordinal) ? answer.Replace("\\\"", "\"", StringComparison.Ordinal)
            : text.Contains("&quot;", StringComparison.Ordinal) ? WebUtility.HtmlDecode(answer)
            : answer;
    }

    /// <param name="turns">Takes the turns of a conversation that stand one after another, outside of any record.</param>
    private static void Collect(JsonElement item, List<InstructionRecord> records, List<string> dropped, RecordCollector turns)
    {
        if (Turn(item) is { } turn)
        {
            if (turn.IsAnswer)
            {
                turns.Answer(turn.Text);
                turns.End();
            }
            else
            {
                turns.Question(turn.Text);
            }
            return;
        }
        if (IsRecord(item))
        {
            CollectRecord(item, records, dropped);
            return;
        }
        var inner = item.EnumerateObject().SelectMany(member => Objects(member.Value)).ToList();
        inner.ForEach(element => Collect(element, records, dropped, turns));
        if (inner.Count == 0 && !IsSystemTurn(item))
        {
            dropped.Add(RecordCollector.Incomplete);
        }
    }

    private static void CollectRecord(JsonElement item, List<InstructionRecord> records, List<string> dropped)
    {
        if (item.EnumerateObject().Any(member => (RecordKeys.IsQuestion(member.Name) || RecordKeys.IsAnswer(member.Name)) && member.Value.ValueKind != JsonValueKind.String))
        {
            dropped.Add("instruction or output is not a text");
            return;
        }
        RecordCollector record = new(records, dropped);
        foreach (var member in item.EnumerateObject().Where(member => member.Value.ValueKind == JsonValueKind.String))
        {
            Action<string> take = RecordKeys.IsQuestion(member.Name) ? record.Question : RecordKeys.IsInput(member.Name) ? record.Input : RecordKeys.IsAnswer(member.Name) ? record.Answer : _ => { };
            take(member.Value.GetString()!);
        }
        record.Flush();
    }

    private static bool IsRecord(JsonElement item) =>
        item.EnumerateObject().Any(member => RecordKeys.IsAnswer(member.Name) && member.Value.ValueKind is not JsonValueKind.Object)
        && item.EnumerateObject().Any(member => RecordKeys.IsQuestion(member.Name) || RecordKeys.IsInput(member.Name));

    /// <summary>OpenAI's <c>role</c> and <c>content</c>, or ShareGPT's <c>from</c> and <c>value</c>.</summary>
    private static (string Text, bool IsAnswer)? Turn(JsonElement item)
    {
        var text = Member(item, "content", "value");
        return Member(item, "role", "from") is not { } role || text is null ? null
            : RecordKeys.IsAnswer(role) ? (text, true)
            : RecordKeys.IsQuestion(role) ? (text, false)
            : null;
    }

    private static bool IsSystemTurn(JsonElement item) => Member(item, "role", "from") is "system";

    private static string? Member(JsonElement item, params string[] names) =>
        item.EnumerateObject().Where(member => names.Contains(member.Name) && member.Value.ValueKind == JsonValueKind.String).Select(member => member.Value.GetString()).FirstOrDefault();

    private static IEnumerable<JsonElement> Objects(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Objects),
        JsonValueKind.Object => [value],
        _ => [],
    };
}
