using System.Text.Json;
using LoraAspire.Model.Generation.Constraints;
using LoraAspire.Model.Generation.Tools;
using LoraAspire.Model.Prompts;
using LoraAspire.Tests.Generation.Constraints;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Generation.Tools;

/// <summary>Answers that have to be tool calls, and the formats that templates show.</summary>
public sealed class ToolCallTests
{
    private const string Tools = """
        [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20},
            "unit": {"enum": ["C", "F"]}}, "required": ["city"], "additionalProperties": false}}},
         {"type": "function", "function": {"name": "web", "parameters": {"$ref": "#/$defs/q", "$defs": {"q": {"type": "object", "properties": {"n": {"type": "integer"}}}}}}},
         {"type": "function", "function": {"name": "now"}}]
        """;

    [Theory]
    [InlineData("pebble", "hermes", 1), InlineData("pebble", "llama3", 1), InlineData("tokenizers/qwen2.5", "hermes", 3)]
    public void Whatever_walk_ends_in_calls_that_the_reader_finds(string name, string format, int calls)
    {
        var tokenizer = WalkTokenizers.Load(name);
        var written = format == "hermes" ? ToolCallFormat.Hermes : ToolCallFormat.Llama3;
        foreach (var function in new[] { null, "weather", "web", "now" })
        {
            var make = JsonConstraints.ForToolCall(JsonElement.Parse(Tools), function, written, tokenizer,
                new HashSet<int> { tokenizer.EosId }, calls);
            for (var seed = 0; seed < 3; seed++)
            {
                var text = ConstraintWalk.Random(make(), tokenizer, seed);

                ToolCallReader reader = new(written);
                List<ToolPiece> pieces = [.. reader.Add(text), .. reader.Flush()];
                Assert.InRange(pieces.Count, 1, calls);
                foreach (var call in pieces.Select(piece => Assert.IsType<ToolPiece.Call>(piece)))
                {
                    Assert.Contains(call.Name, function is null ? ["weather", "web", "now"] : new[] { function });
                    Assert.Equal(JsonValueKind.Object, JsonElement.Parse(call.ArgumentsJson).ValueKind);
                }
            }
        }
    }

    [Fact]
    public void A_named_function_is_the_only_one_that_can_be_called()
    {
        var tokenizer = WalkTokenizers.Load("pebble");
        TokenConstraint Make() => JsonConstraints.ForToolCall(JsonElement.Parse(Tools), "now", ToolCallFormat.Hermes, tokenizer,
            new HashSet<int> { tokenizer.EosId })();

        int? Stumbles(string text) => ConstraintWalk.Stumbles(Make(), tokenizer, tokenizer.EncodeContinuation(text));
        Assert.Null(Stumbles("<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"));
        Assert.NotNull(Stumbles("<tool_call>\n{\"name\": \"web\", \"arguments\": {}}\n</tool_call>"));
        Assert.NotNull(Stumbles("<tool_call>\n{\"name\": \"now\", \"arguments\": {\"a\": 1}}\n</tool_call>"));
    }

    [Theory]
    [InlineData("""
        [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "x"}}}}}]
        """, null, "#/0/function/parameters/properties/a/type")]
    [InlineData("""[{"type": "function"}]""", null, "#/0")]
    [InlineData("""[{"type": "function", "function": {"name": "f"}}]""", "g", "#")]
    [InlineData("[]", null, "#")]
    [InlineData("{}", null, "#")]
    public void Tools_that_cant_be_kept_to_are_refused_with_their_pointer(string tools, string? name, string pointer)
    {
        var tokenizer = WalkTokenizers.Load("pebble");

        var error = Assert.Throws<ConstraintException>(() => JsonConstraints.ForToolCall(JsonElement.Parse(tools), name,
            ToolCallFormat.Hermes, tokenizer, new HashSet<int> { tokenizer.EosId }));

        Assert.Equal(pointer, error.Pointer);
    }

    [Theory]
    [InlineData("qwen2.5-instruct", "hermes"), InlineData("llama-3-instruct", null), InlineData("chatml", null)]
    [InlineData("deepseek-r1-distill-qwen", null), InlineData("phi-4-mini-instruct", null), InlineData("glm-4.6", null)]
    public void The_format_is_the_one_that_a_published_template_shows(string template, string? expected)
    {
        var file = GoldenFolder.Require(GoldenFolder.SharedData, $"chat_templates/{template}.jinja");
        ChatFormat format = new(new(File.ReadAllText(file), new Dictionary<string, string>()), null);

        Assert.Equal(expected, ToolCallFormat.Of(format)?.Name);
    }

    [Fact]
    public void Llama_3s_way_is_known_by_its_words_and_alpacas_template_has_none()
    {
        const string template = """
            {{- "Respond in the format {\"name\": function name, \"parameters\": dictionary of argument name and its value}." }}{{ '<|eot_id|>' }}
            """;

        Assert.Same(ToolCallFormat.Llama3, ToolCallFormat.Of(new ChatFormat(new(template, new Dictionary<string, string>()), null)));
        Assert.Null(ToolCallFormat.Of(PromptFormat.Load("alpaca")));
    }
}
