using System.Text;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Tests.Pipelines;

public sealed class MessageFormatTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly string Digest = new('d', 64);

    /// <summary>One of each: what is mutated below.</summary>
    private static IReadOnlyList<IReadOnlyList<KeyValuePair<string, string>>> Seeds =>
    [
        MessageFormat.Encode<InboxMessage>(new SubmitRun("r", At, "p.yaml", "name: 雁栖")),
        MessageFormat.Encode<InboxMessage>(
            new AttemptFinished("r", At, "tune", 2, new Dictionary<string, string> { ["adapter"] = Digest })),
        MessageFormat.Encode<InboxMessage>(new AttemptFailed("r", At, "tune", 1, FailureCause.Transient, "no luck")),
        MessageFormat.Encode<RunEvent>(new RunSubmitted("r", At, "two", "p.yaml", "",
            [new("data", "data-build", new Dictionary<string, string> { ["base"] = "model:tiny" })], ["a note"])),
        MessageFormat.Encode<RunEvent>(new StageFinished("r", At, "data", 1, new Dictionary<string, string> { ["dataset"] = Digest })),
        MessageFormat.Encode(new StageOrder("r", At, "tune", 1)
        {
            Pipeline = "two",
            Kind = "trainer",
            Key = Digest,
            With = System.Text.Json.JsonSerializer.SerializeToElement(new { lora_r = 8 }),
            Inputs = new Dictionary<string, InputArtifact> { ["base"] = new(Digest, "tiny") },
            DataFiles = new Dictionary<string, string> { ["a.json"] = Digest },
            TimeoutSeconds = 60,
        }),
    ];

    [Fact]
    public void Ten_thousand_damaged_entries_are_read_or_refused_in_one_printable_line_and_never_anything_else()
    {
        var random = new Random(20260102);
        var seeds = Seeds;
        for (var i = 0; i < 10_000; i++)
        {
            var fields = Damaged(seeds[i % seeds.Count], random);
            Assert.True(IsSound<InboxMessage>(fields) | IsSound<RunEvent>(fields) | IsSound<StageOrder>(fields));
        }
    }

    [Theory]
    [InlineData("run", "../../etc")]
    [InlineData("run", "..")]
    [InlineData("run", "/etc")]
    [InlineData("run", "a\u001b[2J")]
    [InlineData("stage", "..")]
    [InlineData("stage", "")]
    [InlineData("attempt", "0")]
    [InlineData("attempt", "-1")]
    [InlineData("attempt", "2147483648")]
    [InlineData("attempt", "1e3")]
    [InlineData("at", "")]
    public void A_name_that_would_become_a_path_or_a_number_that_is_none_is_refused(string field, string value)
    {
        var fields = Seeds[1].ToDictionary();
        fields[field] = value;

        var refused = Assert.Throws<MessageFormatException>(() => MessageFormat.Decode<InboxMessage>(fields));

        Assert.DoesNotContain(refused.Message, char.IsControl);
    }

    private static List<KeyValuePair<string, string>> Damaged(IReadOnlyList<KeyValuePair<string, string>> seed, Random random)
    {
        List<KeyValuePair<string, string>> fields = [.. seed];
        for (var times = random.Next(1, 4); times > 0; times--)
        {
            var at = random.Next(fields.Count);
            switch (random.Next(5))
            {
                case 0:
                    fields.RemoveAt(at);
                    break;
                case 1:
                    fields.Add(fields[at]);
                    break;
                case 2:
                    fields[at] = new(fields[random.Next(fields.Count)].Key, fields[at].Value);
                    break;
                default:
                    fields[at] = new(fields[at].Key, Damaged(fields[at].Value, random));
                    break;
            }
            if (fields.Count == 0)
            {
                break;
            }
        }
        return fields;
    }

    private static string Damaged(string text, Random random)
    {
        string[] pieces =
            ["null", "[", "{", "\"", "1e999", "-1", "\0", "\u001b[2J", "{}", "[null]", "\ud800", ":", ",", "99999999999999999999"];
        var bytes = Encoding.UTF8.GetBytes(text).ToList();
        var at = bytes.Count == 0 ? 0 : random.Next(bytes.Count);
        switch (random.Next(4))
        {
            case 0 when bytes.Count > 0:
                bytes[at] = (byte)random.Next(256);
                break;
            case 1:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 2 when bytes.Count > 0:
                bytes.RemoveRange(at, Math.Min(random.Next(1, 9), bytes.Count - at));
                break;
            default:
                bytes.InsertRange(at, Encoding.UTF8.GetBytes(pieces[random.Next(pieces.Length)]));
                break;
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private static bool IsSound<T>(List<KeyValuePair<string, string>> fields) where T : class
    {
        try
        {
            MessageFormat.Decode<T>(fields);
            return true;
        }
        catch (MessageFormatException refused)
        {
            return refused.Message.Length < 1000 && !refused.Message.Any(char.IsControl);
        }
    }
}
