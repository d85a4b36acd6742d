using System.Diagnostics;
using System.Text;
using System.Text.Json;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using Microsoft.AspNetCore.Http;
using static LoraAspire.Tests.DataBuild.Written.ScriptedServer;

namespace LoraAspire.Tests.DataBuild.Written;

public sealed class WriterFaultTests
{
    private const string One = "1. Say [input] in [tgt_lang].";

    public static TheoryData<string, string> Passing => new()
    {
        { "429", "the server is busy or the quota is used up (429)" },
        { "500", "the server failed (500)" },
        { "cut", "the connection failed or was cut" },
        { "garbage", "the answer is not JSON" },
        { "no choices", "the answer is not a chat completion" },
        { "another shape", "the answer is not a chat completion" },
    };

    private static Func<HttpContext, Task> Step(string fault) => fault switch
    {
        "429" => Fails(429),
        "500" => Fails(500, body: $"<html>{WriterRun.Key}</html>"),
        "cut" => CutOff,
        "garbage" => Body("<html>hello</html>"),
        "no choices" => Body("""{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[]}"""),
        "another shape" => Body("[1, 2]"),
        _ => throw new ArgumentException(fault),
    };

    [Theory]
    [MemberData(nameof(Passing))]
    public async Task A_fault_that_may_pass_is_tried_again_and_counted(string fault, string words)
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Step(fault), Says(One));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Equal(2, server.Seen.Count);
        Assert.Contains(run.Said, line => line.Contains($"request 1 failed: {words}; again in"));
        Assert.Contains(run.Said, line => line.Contains("accepted 1 of 1, request 2"));

        await using var broken = await StartAsync(Step(fault));
        var failure = await run.FailureAsync(WriterRun.Pairs(run.Writer(broken, maxRequests: 3), 2));
        Assert.Equal(3, broken.Seen.Count);
        Assert.Contains("wrote 1 of 2", failure.Message);
        run.AssertNoSecret(failure, WriterRun.Key);
    }

    [Fact]
    public async Task A_server_that_stays_broken_ends_the_run_before_the_budget()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Fails(503));
        var failure = await run.FailureAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Equal(8, server.Seen.Count);
        Assert.Contains("the server failed (503)", failure.Message);
        Assert.True(failure.Transient);
        // Exponential from a second, jittered, at most half a minute.
        Assert.Equal(7, run.Clock.Waits.Count);
        Assert.All(run.Clock.Waits, wait => Assert.InRange(wait, TimeSpan.Zero, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task The_server_says_how_long_to_wait()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Fails(429, "17"), Says(One));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Equal([TimeSpan.FromSeconds(17)], run.Clock.Waits);
        Assert.Contains(run.Said, line => line.Contains("(429); again in 17 s"));

        await using var tomorrow = await StartAsync(Fails(429, "86400"));
        var failure = await run.FailureAsync(WriterRun.Pairs(run.Writer(tomorrow), 2));
        Assert.Single(tomorrow.Seen);
        Assert.Contains("1440 minutes", failure.Message);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-5")]
    [InlineData("Wed, 21 Oct 2015 07:28:00 GMT")]
    public async Task A_server_that_wants_to_be_asked_at_once_is_given_its_pause(string retryAfter)
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Fails(429, retryAfter), Fails(429, retryAfter), Fails(429, retryAfter), Says(One));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Equal(3, run.Clock.Waits.Count);
        Assert.All(run.Clock.Waits, wait => Assert.InRange(wait, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(30)));
    }

    [Theory]
    [InlineData("99999999999999999999")]
    [InlineData("2147483647")]
    [InlineData("Fri, 31 Dec 9999 23:59:59 GMT")]
    public async Task A_wait_beyond_all_measure_is_too_long(string retryAfter)
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Fails(429, retryAfter));
        Assert.Contains("asks to wait more than a day", (await run.FailureAsync(WriterRun.Pairs(run.Writer(server), 1))).Message);
        Assert.Single(server.Seen);
    }

    [Fact]
    public async Task A_model_that_takes_no_temperature_is_asked_without_once_for_all()
    {
        const string refused = """{"error":{"message":"Unsupported value: 'temperature' does not support 0.8 with this model."}}""";
        using WriterRun run = new();
        await using var server = await StartAsync(Fails(400, body: refused), Says(One), Says("1. Other [input] in [tgt_lang]."));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 2));
        Assert.Equal([true, false, false], server.Seen.Select(request => request.Body.TryGetProperty("temperature", out _)));
        Assert.Contains(run.Said, line => line.Contains("accepted 2 of 2, request 3"));

        await using var stubborn = await StartAsync(Fails(400, body: refused));
        Assert.Contains("does not support 0.8", (await run.FailureAsync(WriterRun.Pairs(run.Writer(stubborn), 3))).Message);
        Assert.Equal(2, stubborn.Seen.Count);
        await using var last = await StartAsync(Fails(400, body: refused));
        Assert.Contains("requests were used up", (await run.FailureAsync(WriterRun.Pairs(run.Writer(last, maxRequests: 1), 3))).Message);
        Assert.Single(last.Seen);
    }

    public static TheoryData<string> Mistakes => ["no file", "no templates", "no prompt template", "no tokenizer"];

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task A_mistake_in_the_inputs_shows_before_the_first_request(string mistake)
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Says(One));
        var with = WriterRun.Pairs(run.Writer(server), 1);
        await Assert.ThrowsAsync<StageException>(() => mistake switch
        {
            "no file" => run.RunAsync(with with { Sources = [.. with.Sources, StageRun.Alpaca("none.json")] }),
            "no templates" => run.RunAsync(
                with with { Sources = [.. with.Sources, (ParallelSource)with.Sources[0].Only! with { Templates = ["none.txt"] }] }),
            "no prompt template" => run.RunAsync(with with { PromptTemplateName = "none.json" }),
            _ => run.RunAsync(with, baseModel: "no such folder"),
        });
        Assert.Empty(server.Seen);
    }

    [Fact]
    public async Task A_slow_server_is_left_and_asked_again()
    {
        using WriterRun run = new() { Answer = TimeSpan.FromMilliseconds(300) };
        await using var server = await StartAsync(Hangs, Says(One));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Contains(run.Said, line => line.Contains("request 1 failed: no answer in time"));
    }

    [Theory]
    [InlineData(401, "the server refuses the key (401)")]
    [InlineData(403, "may not use the model 'scripted' (403)")]
    [InlineData(404, "knows no model 'scripted'")]
    [InlineData(400, "refuses the request (400)")]
    [InlineData(302, "refuses the request (302)")]
    public async Task A_refusal_of_the_request_fails_at_once_and_repeats_nothing_of_it(int status, string words)
    {
        using WriterRun run = new();
        await using var server =
            await StartAsync(Fails(status, body: $$$"""{"error":{"message":"Incorrect API key provided: {{{WriterRun.Key}}}"}}"""));
        var failure = await run.FailureAsync(WriterRun.Pairs(run.Writer(server, maxRequests: 8675309), 1));
        Assert.Single(server.Seen);
        Assert.Contains(words, failure.Message);
        Assert.False(failure.Transient);
        run.AssertNoSecret(failure, WriterRun.Key, "8675309");
    }

    [Fact]
    public async Task A_server_that_asks_for_a_key_that_is_not_set_is_told_with_the_variable_to_set()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Fails(401));
        var failure = await run.FailureAsync(WriterRun.Pairs(run.Writer(server) with { ApiKeyEnv = "LORA_TEST_NO_KEY" }, 1));
        Assert.Contains("asks for a key (401), and the environment variable LORA_TEST_NO_KEY", failure.Message);
        Assert.Single(server.Seen);
    }

    [Theory]
    [InlineData("The prompt is too long.", ": The prompt is too long. Look at")]
    [InlineData("Your key sk-scri***cdef is no good.", "(400). Look at")]
    [InlineData("Your key ends in abcdef.", "(400). Look at")]
    public async Task What_the_server_says_of_a_refused_request_is_passed_on_unless_it_tells_of_the_key(string said, string words)
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Fails(400, body: $$$"""{"error":{"message":"{{{said}}}"}}"""));
        Assert.Contains(words, (await run.FailureAsync(WriterRun.Pairs(run.Writer(server), 1))).Message);
    }

    [Theory]
    [InlineData("""{"role":"assistant","content":null,"refusal":"I can't do that."}""", "stop", "an empty answer or a refusal")]
    [InlineData("""{"role":"assistant","content":""}""", "content_filter", "an empty answer or a refusal")]
    [InlineData("""{"role":"assistant","content":"I'm sorry, but I can't help with that."}""", "stop", "an answer without any item")]
    public async Task A_model_that_refuses_is_asked_again(string message, string finish, string reason)
    {
        using WriterRun run = new();
        await using var server = await StartAsync(
            Body("""{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"""
                + $$$""" "finish_reason":"{{{finish}}}","message":{{{message}}} }]}"""), Says(One));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Equal(2, server.Seen.Count);
        Assert.Contains(run.Said, line => line.Contains(reason));
    }

    public static TheoryData<string> Disguises =>
    [
        WriterRun.Key, WriterRun.Key.ToUpperInvariant(), string.Join(' ', WriterRun.Key.AsEnumerable()), string.Join('\u200B',
            WriterRun.Key.AsEnumerable()), string.Join(".", WriterRun.Key.Chunk(3).Select(part => new string(part))),
        string.Concat(WriterRun.Key.Reverse()), Convert.ToBase64String(Encoding.UTF8.GetBytes(WriterRun.Key)),
        Convert.ToBase64String(Encoding.UTF8.GetBytes("Bearer " + WriterRun.Key)), "x456789x",
    ];

    [Theory]
    [MemberData(nameof(Disguises))]
    public async Task A_piece_of_the_key_in_any_disguise_gets_nowhere(string disguised)
    {
        using WriterRun run = new();
        await using var server = await StartAsync(
            Says($"1. Say [input] in [tgt_lang] with {disguised}.\n2. Say [input] in [tgt_lang] [{disguised}].\n{disguised}\n3. Say "
                + "[input] in [tgt_lang]."));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        run.AssertNoSecret(null, disguised);
        await using var refusing =
            await StartAsync(Fails(400, body: JsonSerializer.Serialize(new { error = new { message = $"Wrong: {disguised}" } })));
        run.AssertNoSecret(await run.FailureAsync(WriterRun.Pairs(run.Writer(refusing), 2)), disguised);
    }

    [Fact]
    public async Task Words_of_the_request_are_no_secret_even_where_the_key_is_made_of_them()
    {
        using WriterRun run = new();
        Environment.SetEnvironmentVariable(run.KeyVariable, "translating-sentence");
        await using var server = await StartAsync(Says("1. Help me by translating the sentence [input] into [tgt_lang]."));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Single(server.Seen);
    }

    [Fact]
    public async Task What_a_model_makes_up_fills_no_log_and_no_terminal_obeys_it()
    {
        using WriterRun run = new();
        var made = string.Concat(Enumerable.Range(0, 500)
            .Select(i => $"{i + 1}. Say [input] [ph\u001b]0;x\u0007 {i}] [tgt_lang]\n{i + 1}. Say [input] [word {i}] in [tgt_lang]\n"));
        await using var server = await StartAsync(Says(made + One));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Contains(run.Said, line => line.Contains("500 (unknown placeholder [word 0], [word 1], [word 2], …)"));
        await using var refusing =
            await StartAsync(Fails(400, body: JsonSerializer.Serialize(new { error = new { message = "bad \u001b[31mred\u202e" } })));
        var failure = await run.FailureAsync(WriterRun.Pairs(run.Writer(refusing), 2));
        Assert.Contains("(400): bad ␛[31mred⟨U+202E⟩. Look", failure.Message);
        Assert.All(run.Said.Append(failure.Message), line => Assert.DoesNotContain(line, letter => char.IsControl(letter)));
        Assert.All(run.Said, line => Assert.InRange(line.Length, 0, 600));
    }

    [Fact]
    public async Task An_item_that_holds_the_key_is_never_accepted()
    {
        using WriterRun run = new();
        await using var server =
            await StartAsync(Says($"1. Say [input] in [tgt_lang] with {WriterRun.Key}.\n2. Say [input] in [tgt_lang]."));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Contains(run.Said, line => line.Contains("1 (holds the key)"));
        run.AssertNoSecret(null, WriterRun.Key);
    }

    [Fact]
    public async Task Cancelling_stops_a_request_and_a_wait_at_once()
    {
        using CancellationTokenSource stop = new();
        using WriterRun run = new();
        await using var hanging = await StartAsync(http =>
        {
            stop.Cancel();
            return Hangs(http);
        });
        var clock = Stopwatch.StartNew();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.RunAsync(WriterRun.Pairs(run.Writer(hanging), 1), stop.Token));
        Assert.Single(hanging.Seen);

        using CancellationTokenSource waiting = new();
        using WriterRun other = new() { Clock = new() { OnWait = waiting.Cancel } };
        await using var broken = await StartAsync(Fails(500));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => other.RunAsync(WriterRun.Pairs(other.Writer(broken), 1), waiting.Token));
        Assert.Single(broken.Seen);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"{clock.Elapsed}");
    }
}
