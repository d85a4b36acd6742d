using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Http;
using static LoraAspire.Tests.DataBuild.Written.ScriptedServer;

namespace LoraAspire.Tests.DataBuild.Written;

/// <summary>Servers that are only nearly OpenAI's.</summary>
public sealed class CanonicalAnswerTests
{
    private const string One = "1. Say [input] in [tgt_lang].";

    private static Func<HttpContext, Task> Bytes(byte[] body, string? encoding = null) => http =>
    {
        http.Response.ContentType = "text/html; charset=iso-8859-1";
        http.Response.Headers.ContentEncoding = encoding;
        return http.Response.Body.WriteAsync(body).AsTask();
    };

    [Theory]
    [InlineData("""{"choices":[{"message":{"content":"1. Say [input] in [tgt_lang]."}}]}""")]
    [InlineData("""{"id":null,"object":"text","created":"abc","model":null,"usage":{"prompt_tokens":1.5},"service_tier":7,"choices":["""
        + """{"index":"x","finish_reason":null,"logprobs":3,"message":{"role":"model","content":"1. Say [input] in ["""
        + """tgt_lang].","tool_calls":null}}]}""")]
    [InlineData("""{"created":1.5,"usage":null,"choices":[{"finish_reason":"eos_token","message":{"role":5,"content":"1. Say [input] in ["""
        + """tgt_lang].","reasoning_content":"…"}}]}""")]
    [InlineData("""{"choices":[{"finish_reason":"STOP","message":{"role":"assistant","content":[{"type":"text","text":"1. Say [input]"},"""
        + """{"type":"image"},{"type":"text","text":" in [tgt_lang]."}]}}]}""")]
    [InlineData("""{"choices":[{"finish_reason":7,"message":{"content":"1. Say [input] in [tgt_lang].\n2. Half [input] in [tgt_lang] """
        + """\ud83d"}},5],}""")]
    public async Task What_stands_beside_the_message_does_no_harm(string body)
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Body(body));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Single(server.Seen);
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF8_cost_their_item_and_a_mark_at_the_beginning_nothing()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(
            Bytes([0xEF, 0xBB, 0xBF, .. Encoding.Latin1.GetBytes(Completion("1. Say [input] in [tgt_lang], na\u00EFf.\n" + One, "stop"))]));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Single(server.Seen);
        Assert.Contains(run.Said, line => line.Contains("accepted 1 of 1, request 1; dropped so far: 1 (a damaged letter)"));
    }

    [Fact]
    public async Task Escapes_within_the_models_own_JSON_stay()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Says("""["Say [input] in [tgt_lang] \ud83d\ude00."]"""));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Single(server.Seen);
        Assert.Contains("\\uD83D\\uDE00",
            await File.ReadAllTextAsync(Assert.Single(run.CacheFiles), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_packed_answer_is_unpacked()
    {
        using MemoryStream packed = new();
        await using (GZipStream gzip = new(packed, CompressionMode.Compress, leaveOpen: true))
        {
            gzip.Write(Encoding.UTF8.GetBytes(Completion(One, "stop")));
        }
        using WriterRun run = new();
        await using var server = await StartAsync(Bytes(packed.ToArray(), "gzip"));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Single(server.Seen);

        await using var broken = await StartAsync(Bytes([1, 2, 3, 4, 5, 6, 7, 8], "gzip"), Says("1. Other [input] in [tgt_lang]."));
        await run.RunAsync(WriterRun.Pairs(run.Writer(broken), 2));
        Assert.Contains(run.Said, line => line.Contains("request 1 failed: the answer can't be unpacked"));
    }

    [Fact]
    public async Task An_answer_without_end_is_left_and_asked_for_again()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(async http =>
        {
            var part = new byte[1 << 20];
            while (!http.RequestAborted.IsCancellationRequested)
            {
                await http.Response.Body.WriteAsync(part, http.RequestAborted);
            }
        }, Says(One));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 1));
        Assert.Contains(run.Said, line => line.Contains("request 1 failed: the answer is larger than 4 MB; again in"));
    }

    [Fact]
    public async Task A_length_by_another_name_still_costs_the_last_item()
    {
        using WriterRun run = new();
        await using var server =
            await StartAsync(Says(One + "\n2. Put [input] into [tgt_lang] and", "max_tokens"), Says("1. What is [input] in [tgt_lang]?"));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 2));
        Assert.Equal(2, server.Seen.Count);
    }
}
