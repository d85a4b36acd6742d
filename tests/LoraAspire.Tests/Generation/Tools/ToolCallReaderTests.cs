using LoraAspire.Model.Generation.Tools;

namespace LoraAspire.Tests.Generation.Tools;

/// <summary>Tool calls in an answer, however it is cut.</summary>
public sealed class ToolCallReaderTests
{
    private const string Call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"}</tool_call>\\\"\"}}\n</tool_call>";
    private const string Args = "{\"a\": \"}</tool_call>\\\"\"}";

    public static TheoryData<string, string, string> Answers => new()
    {
        { "hermes", "Hello, world.", "Hello, world." },
        { "hermes", "Hello. \n ", "Hello. \n " },
        { "hermes", Call, $"[f {Args}]" },
        { "hermes", $"I look it up.\n\n{Call}\n", $"I look it up.[f {Args}]" },
        { "hermes", $"{Call}\n{Call}\nDone.", $"[f {Args}][f {Args}]Done." },
        { "hermes", "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>", "[f {}]" },
        { "hermes", "<tool_call>\n{\"name\": \"f\", \"parameters\": {}}", "[f {}]" },
        { "hermes", "a <tool_call> is <b", "a <tool_call> is <b" },
        { "hermes", "<tool_call>\n{\"name\": \"f\", \"arguments\": [1]}\n</tool_call> x",
            "<tool_call>\n{\"name\": \"f\", \"arguments\": [1]}\n</tool_call> x" },
        { "hermes", "<tool_call>\n{\"name\": \"f\", \"argu", "<tool_call>\n{\"name\": \"f\", \"argu" },
        { "hermes", "<tool_call>{name: f}</tool_call>" + Call, "<tool_call>{name: f}</tool_call>[f " + Args + "]" },
        { "hermes", "<tool_call>{\"name\":\"f\",\"arguments\":{\"a\":[\"\\ud800\"]}}</tool_call>",
            "<tool_call>{\"name\":\"f\",\"arguments\":{\"a\":[\"\\ud800\"]}}</tool_call>" },
        { "hermes", "<tool_call>{\"name\":\"f\",\"arguments\":{\"\\udfff\":1}}</tool_call>",
            "<tool_call>{\"name\":\"f\",\"arguments\":{\"\\udfff\":1}}</tool_call>" },
        { "llama3", "{\"name\": \"f\", \"parameters\": {\"x\": 1}}", "[f {\"x\": 1}]" },
        { "llama3", "<|python_tag|>{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"g\", \"parameters\": {}}", "[f {}][g {}]" },
        { "llama3", "{\"name\": \"f\"}", "{\"name\": \"f\"}" },
        { "llama3", "So: {\"name\": \"f\", \"parameters\": {}}", "So: {\"name\": \"f\", \"parameters\": {}}" },
        { "llama3", "\n<|python", "\n<|python" },
        { "llama3", "{\"name\": 1, \"parameters\": {}} {\"name\": \"f\", \"parameters\": {}}",
            "{\"name\": 1, \"parameters\": {}} {\"name\": \"f\", \"parameters\": {}}" },
    };

    [Theory, MemberData(nameof(Answers))]
    public void Calls_are_found_however_the_answer_is_cut_and_all_else_is_text(string format, string answer, string expected)
    {
        for (var length = 1; length <= answer.Length; length++)
        {
            Assert.Equal(expected, Read(format, answer.Chunk(length).Select(chunk => new string(chunk))));
        }
    }

    [Fact]
    public void Text_comes_at_once_and_only_what_may_begin_a_call_waits()
    {
        ToolCallReader reader = new(ToolCallFormat.Hermes);

        Assert.Equal("1", Said(reader.Add("1 <")));
        Assert.Equal(" < 2", Said(reader.Add(" 2")));
        Assert.Equal("", Said(reader.Add(" <tool")));
        Assert.Equal(" <tools", Said(reader.Add("s")));
        Assert.Equal("", Said(reader.Add("<tool_call>")));
        Assert.Equal("<tool_call>!", Said(reader.Add("!")));
    }

    [Fact]
    public void A_hostile_answer_costs_no_more_than_its_length()
    {
        var answer = string.Concat(Enumerable.Repeat("<tool_call>{", 40_000));
        var watch = System.Diagnostics.Stopwatch.StartNew();

        Assert.Equal(answer, Read("hermes", [answer]));
        Assert.Equal(answer, Read("hermes", answer.Chunk(4000).Select(chunk => new string(chunk))));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"{watch.Elapsed}");
    }

    private static string Read(string format, IEnumerable<string> chunks)
    {
        ToolCallReader reader = new(format == "hermes" ? ToolCallFormat.Hermes : ToolCallFormat.Llama3);
        return Said([.. chunks.SelectMany(reader.Add).ToList(), .. reader.Flush()]);
    }

    private static string Said(IEnumerable<ToolPiece> pieces) => string.Concat(pieces.Select(piece => piece switch
    {
        ToolPiece.Call call => $"[{call.Name} {call.ArgumentsJson}]",
        ToolPiece.Text text => text.Value,
        _ => throw new InvalidOperationException(),
    }));
}
