using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Pipelines;

/// <summary>A stream entry gives a record whose every promised value is there, or a <see cref="WireException"/>.</summary>
public sealed class DamagedWireTests
{
    private static readonly DateTimeOffset At = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    public static TheoryData<string> Shared => [.. GoldenFolder.Faults("wire")];

    [Theory(SkipTestWithoutData = true), MemberData(nameof(Shared))]
    public void A_body_that_once_brought_the_reader_down_is_refused_in_words(string file)
    {
        var body = File.ReadAllText(Path.Combine(GoldenFolder.SharedCases, file));
        foreach (var fields in new[] { Fields(Failed), Fields(Failed, "2147483648"), Fields(Failed, "99999999999999999999") })
        {
            fields["body"] = body;
            var error = Record.Exception(() => Wire.Decode<InboxMessage>(fields));
            Assert.True(error is null or WireException, $"{error}");
        }
    }

    [Theory]
    [InlineData("body", "null", "no object")]
    [InlineData("body", "[]", "no object")]
    [InlineData("body", "3", "no object")]
    [InlineData("body", "", "undecodable")]
    [InlineData("body", """{"cause":"transient","cause":"permanent","error":"e"}""", "undecodable")]
    [InlineData("body", """{"cause":"transient","error":null}""", "'error' is null")]
    [InlineData("body", """{"cause":7,"error":"e"}""", "undecodable")]
    [InlineData("body", """{"cause":"gone","error":"e"}""", "undecodable")]
    [InlineData("body", """{"cause":"transient","error":"\ud800"}""", "undecodable")]
    [InlineData("body", """{"\udfff":1,"cause":"transient","error":"e"}""", "undecodable")]
    [InlineData("attempt", "2147483648", "no attempt")]
    [InlineData("attempt", "99999999999999999999", "no attempt")]
    [InlineData("attempt", "-1", "no attempt")]
    [InlineData("attempt", "0", "no attempt")]
    [InlineData("attempt", "٣", "no attempt")]
    [InlineData("attempt", "1.5", "no attempt")]
    [InlineData("at", "yesterday", "undecodable")]
    [InlineData("at", "", "undecodable")]
    [InlineData("type", "", "undecodable")]
    public void A_field_that_is_not_what_it_should_be_is_refused_in_words(string field, string value, string words)
    {
        var fields = Fields(Failed);
        fields[field] = value;

        Assert.Contains(words, Assert.Throws<WireException>(() => Wire.Decode<InboxMessage>(fields)).Message);
    }

    [Fact]
    public void A_field_twice_and_a_body_as_deep_as_a_stack_are_refused()
    {
        Assert.Contains("twice", Assert.Throws<WireException>(() => Wire.Decode<InboxMessage>(Wire.Encode<InboxMessage>(Failed).Append(new("run", "other")))).Message);
        var fields = Fields(Failed);
        fields["body"] = string.Concat(Enumerable.Repeat("{\"a\":", 100_000));
        Assert.Throws<WireException>(() => Wire.Decode<InboxMessage>(fields));
    }

    [Theory]
    [InlineData("""{"outputs":{"dataset":null}}""")]
    [InlineData("""{"outputs":null}""")]
    [InlineData("""{}""")]
    public void Outputs_without_a_digest_are_refused(string body)
    {
        var fields = Fields(new AttemptFinished("r", At, "data", 1, new Dictionary<string, string> { ["dataset"] = "d" }));
        fields["body"] = body;

        Assert.Throws<WireException>(() => Wire.Decode<InboxMessage>(fields));
    }

    [Theory]
    [InlineData("""{"name":"n","file":"f","yaml":"y","stages":[null],"notes":[]}""")]
    [InlineData("""{"name":"n","file":"f","yaml":"y","stages":[{"id":"a","kind":"k","inputs":{"base":null}}],"notes":[]}""")]
    [InlineData("""{"name":"n","file":"f","yaml":"y","stages":[{"id":"a","kind":"k"}],"notes":[]}""")]
    [InlineData("""{"name":"n","file":"f","yaml":"y","stages":[],"notes":[null]}""")]
    public void An_event_of_a_log_that_lacks_a_part_is_refused(string body)
    {
        var fields = Wire.Encode<RunEvent>(new RunSubmitted("r", At, "n", "f", "y", [], [])).ToDictionary();
        fields["body"] = body;

        Assert.Throws<WireException>(() => Wire.Decode<RunEvent>(fields));
    }

    [Fact]
    public void An_order_keeps_the_nulls_of_its_parameters_and_takes_no_endless_timeout()
    {
        var order = new StageOrder("r", At, "tune", 1, "p", "trainer", "k", JsonSerializer.SerializeToElement(new { max_steps = (int?)null }),
            new Dictionary<string, InputArtifact> { ["base"] = new("d", "m") }, new Dictionary<string, string>(), 60 * 86_400);
        var fields = Wire.Encode(order).ToDictionary();

        var read = Wire.Decode<StageOrder>(fields);
        Assert.Equal("""{"max_steps":null}""", read.With.GetRawText());
        Assert.Equal(60 * 86_400, read.TimeoutSeconds);
        fields["body"] = fields["body"].Replace("5184000", "1e999", StringComparison.Ordinal);
        Assert.Contains("too large a number", Assert.Throws<WireException>(() => Wire.Decode<StageOrder>(fields)).Message);
    }

    private static AttemptFailed Failed { get; } = new("r", At, "data", 1, FailureCause.Transient, "e");

    private static Dictionary<string, string> Fields(InboxMessage message, string? attempt = null)
    {
        var fields = Wire.Encode<InboxMessage>(message).ToDictionary();
        fields["attempt"] = attempt ?? fields["attempt"];
        return fields;
    }
}
