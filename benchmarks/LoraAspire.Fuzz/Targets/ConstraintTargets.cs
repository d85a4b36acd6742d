using System.Text;
using System.Text.Json;
using LoraAspire.Model.Generation.Constraints;
using LoraAspire.Model.Generation.Tools;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Fuzz.Targets;

/// <summary>Schemas that answers are held to, a few tokens of such an answer, and tool calls in answers.</summary>
internal static class ConstraintTargets
{
    private const int Tokens = 25;

    private const string Objects = """
        {"type": "object", "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 9}, "age": {"type": "integer", "minimum": 0, "maximum": 150},
         "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "tags": {"type": "array", "items": {"enum": ["a", "b", 1]}, "minItems": 1, "maxItems": 3}},
         "required": ["name"], "additionalProperties": {"type": "boolean"}}
        """;
    private const string Ways = """
        {"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "number", "exclusiveMinimum": -1.5}}, "required": ["kind"]},
                   {"type": "object", "properties": {"kind": {"const": "b"}, "y": {"$ref": "#/$defs/y"}}, "required": ["kind"]}],
         "$defs": {"y": {"allOf": [{"type": "string", "pattern": "^[A-Z]{2}-\\d+(/[^x]*)?$"}, {"maxLength": 12}]}}}
        """;
    private const string Answer = "I look.\n<tool_call>\n"
        + "{\"name\": \"f\", \"arguments\": {\"a\": [\"}\\\"\"]}}\n</tool_call>\n<tool_call>{}</tool_call> <tool";

    public static IEnumerable<Target> In(Scratch scratch)
    {
        Lazy<HfTokenizer> tokenizer = new(() =>
        {
            var folder = scratch.Folder("constraint-tokenizer");
            Scratch.Write(folder, "tokenizer.model", TokenizerTargets.Model());
            return HfTokenizer.Load(folder);
        });
        yield return new("json-schema", () => [AllTargets.Utf8(Objects), AllTargets.Utf8(Ways)], bytes =>
        {
            var schema = JsonSerializer.Deserialize<JsonElement>(bytes);
            Write(JsonConstraints.ForSchema(schema, tokenizer.Value, new HashSet<int> { tokenizer.Value.EosId })(), tokenizer.Value);
        }, typeof(ConstraintException), typeof(JsonException))
        {
            Words = [.. AllTargets.JsonWords, "\"$ref\":\"#\"", "\"pattern\":\"(a|b)*a(a|b){9}$\"", "\"minItems\":99999", "\"anyOf\":[",
                "\"allOf\":[",
                "\"additionalProperties\":false", "\"items\":{", "\"type\":\"array\"", "\"format\":\"date-time\"", "1e30", "-0.25"]
        };
        yield return new("tool-calls", () => [AllTargets.Utf8(Answer)], bytes =>
        {
            var answer = Encoding.UTF8.GetString(bytes);
            foreach (var format in new[] { ToolCallFormat.Hermes, ToolCallFormat.Llama3 })
            {
                ToolCallReader reader = new(format);
                TableTargets.Drain(answer.Chunk(7).SelectMany(chunk => reader.Add(new string(chunk))).ToList());
                TableTargets.Drain(reader.Flush());
            }
        })
        { Words = ["<tool_call>", "</tool_call>", "{\"name\":\"f\",\"arguments\":{}}", "<|python_tag|>", "{", "}", "\"", "\\", "\ud800"] };
    }

    private static void Write(TokenConstraint constraint, HfTokenizer tokenizer)
    {
        Random random = new(1);
        var logits = new float[tokenizer.VocabSize];
        for (var token = 0; token < Tokens && !constraint.IsComplete; token++)
        {
            Array.Clear(logits);
            constraint.Mask(logits);
            var allowed = Enumerable.Range(0, logits.Length).Where(id => logits[id] == 0).ToList();
            constraint.Accept(allowed[random.Next(allowed.Count)]);
        }
    }
}
