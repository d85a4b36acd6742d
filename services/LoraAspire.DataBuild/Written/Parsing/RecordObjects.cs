using System.Text.Json;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>Instruction records from the JSON objects of an answer, also from those inside a wrapper such as <c>{ "records": […] }</c>.</summary>
internal static class RecordObjects
{
    private static readonly string[] Instruction = ["instruction", "question"];
    private static readonly string[] Output = ["output", "answer"];

    public static ReadAnswer<InstructionRecord> Read(string answer)
    {
        var objects = JsonObjects.Read(answer);
        List<InstructionRecord> records = [];
        List<string> dropped = [.. objects.Dropped];
        foreach (var item in objects.Items)
        {
            try
            {
                Collect(item, records, dropped);
            }
            catch (InvalidOperationException)
            {
                // Half of a surrogate pair, which no file can hold.
                dropped.Add(JsonObjects.Malformed);
            }
        }
        if (objects.Items.Count == 0 && objects.Dropped.Count == 0)
        {
            dropped.Add(ReadAnswer<InstructionRecord>.Prose);
        }
        return new(records, dropped);
    }

    private static void Collect(JsonElement item, List<InstructionRecord> records, List<string> dropped)
    {
        if (Value(item, Instruction) is { } instruction && Value(item, Output) is { } output)
        {
            if (Text(instruction) is { } asked && Text(output) is { } answered)
            {
                records.Add(new(asked.Trim(), (Value(item, ["input"]) is { } input ? Text(input) ?? "" : "").Trim(), answered.Trim()));
            }
            else
            {
                dropped.Add("instruction or output is not a text");
            }
            return;
        }
        var inner = item.EnumerateObject().SelectMany(member => member.Value.ValueKind switch
        {
            JsonValueKind.Array => member.Value.EnumerateArray().Where(element => element.ValueKind == JsonValueKind.Object),
            JsonValueKind.Object => [member.Value],
            _ => Enumerable.Empty<JsonElement>(),
        }).ToList();
        inner.ForEach(element => Collect(element, records, dropped));
        if (inner.Count == 0)
        {
            dropped.Add("no instruction and output");
        }
    }

    private static JsonElement? Value(JsonElement item, string[] keys)
    {
        foreach (var member in item.EnumerateObject())
        {
            if (keys.Contains(member.Name.Trim(), StringComparer.OrdinalIgnoreCase))
            {
                return member.Value;
            }
        }
        return null;
    }

    private static string? Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
