using System.Text;
using System.Text.Json;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Prompts.Jinja;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Prompts.Jinja;

/// <summary>Published templates over many conversations: what jinja2 gives as transformers sets it up, and what it refuses.</summary>
public sealed class ChatTemplateGoldenTests
{
    private const string FileName = "chat_templates.json";

    public static IReadOnlyList<TheoryDataRow<string>> Templates
    {
        get
        {
            var path = Path.Combine(GoldenFolder.Root, FileName);
            if (!File.Exists(path))
            {
                return GoldenFolder.OrSkipped([], path);
            }
            using var goldens = JsonDocument.Parse(File.ReadAllBytes(path));
            return GoldenFolder.OrSkipped(
                goldens.RootElement.GetProperty("templates").EnumerateObject().Select(template => template.Name).ToList(), path);
        }
    }

    [Theory, MemberData(nameof(Templates))]
    public void Every_conversation_becomes_the_text_that_jinja2_makes_of_it(string name)
    {
        using var goldens = JsonDocument.Parse(File.ReadAllBytes(GoldenFolder.Require(GoldenFolder.Root, FileName)));
        var conversations = goldens.RootElement.GetProperty("conversations");
        var golden = goldens.RootElement.GetProperty("templates").GetProperty(name);
        ChatTemplate template = new(Source(golden.GetProperty("file").GetString()!), SpecialTokens(golden));
        foreach (var one in golden.GetProperty("cases").EnumerateArray())
        {
            var number = one.GetProperty("conversation").GetInt32();
            List<ChatMessage> messages = [.. conversations[number].EnumerateArray().Select(ChatMessage.FromJson)];
            Dictionary<string, JsonElement> switches = one.GetProperty("kwargs").EnumerateObject().ToDictionary(pair => pair.Name, pair =>
                pair.Value);
            ChatOptions options = new() { Variables = switches, Now = new DateTimeOffset(2026, 7, 4, 12, 30, 0, TimeSpan.Zero) };

            AssertGives(one.GetProperty("full"), () => template.Render(messages, null, false, options), $"{name}, conversation {number}");
            AssertGives(one.GetProperty("generation"), () => template.Render(messages, null, true, options),
                $"{name}, conversation {number}, generation prompt");
            if (!one.GetProperty("full").TryGetProperty("error", out _))
            {
                AssertLearns(one.GetProperty("learned"), template, messages, options, $"{name}, conversation {number}");
            }
        }
    }

    private static void AssertGives(JsonElement expected, Func<RenderedChat> render, string what)
    {
        if (expected.TryGetProperty("error", out var error))
        {
            Assert.Equal((what, error.GetString()), (what, Assert.Throws<TemplateException>(() => render()).Words));
            return;
        }
        var chat = render();
        Assert.Equal((what, expected.GetProperty("text").GetString()), (what, chat.Text));
        Assert.Equal(chat.Text, string.Concat(chat.Segments.Select(segment => segment.Text)));
    }

    /// <summary>Null stands for a conversation of which some turn can't be learned; else the turns, in code points.</summary>
    private static void AssertLearns(JsonElement expected, ChatTemplate template, List<ChatMessage> messages, ChatOptions options,
        string what)
    {
        var learned = template.ForTraining(messages, null, options);
        Assert.True(expected.ValueKind == JsonValueKind.Null == learned.Rewritten.Count > 0,
            $"{what}: {string.Join("; ", learned.Rewritten)}");
        if (expected.ValueKind != JsonValueKind.Null)
        {
            int Points(int end) => learned.Chat.Text.AsSpan(0, end).ToString().EnumerateRunes().Count();
            Assert.Equal([what, .. expected.EnumerateArray().Select(turn => $"{turn[0].GetInt32()}-{turn[1].GetInt32()}")],
                [what, .. learned.Turns.Select(turn => $"{Points(turn.Start)}-{Points(turn.End)}")]);
        }
    }

    private static string Source(string file)
    {
        var beside = Path.Combine(GoldenFolder.Root, "..", file);
        var path = File.Exists(beside) ? beside : GoldenFolder.Require(GoldenFolder.SharedData, Path.GetRelativePath("data", file));
        if (!path.EndsWith(".json", StringComparison.Ordinal))
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes(path));
        }
        using var config = JsonDocument.Parse(File.ReadAllBytes(path));
        return config.RootElement.GetProperty("chat_template").GetString()!;
    }

    private static Dictionary<string, string> SpecialTokens(JsonElement golden) => golden.EnumerateObject()
        .Where(pair => pair.Name.EndsWith("_token", StringComparison.Ordinal) && pair.Value.ValueKind == JsonValueKind.String)
        .ToDictionary(pair => pair.Name, pair => pair.Value.GetString()!);
}
