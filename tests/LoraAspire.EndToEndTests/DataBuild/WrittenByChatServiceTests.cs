using System.Diagnostics;
using LoraAspire.EndToEndTests.Chat;

namespace LoraAspire.EndToEndTests.DataBuild;

/// <summary>The chat service with the tiny base that this repository ships.</summary>
public class PebbleChatProcess : ChatProcess
{
    public static string Folder => ModelFolder;

    public static string DataBuild => Built.Program("services/LoraAspire.DataBuild");
}

/// <summary>The same where services ask each other for a key.</summary>
public sealed class KeyedChatProcess : PebbleChatProcess
{
    public override string? KeyFile => Path.Combine(Path.GetDirectoryName(Store)!, "state", "api-key");
}

/// <summary>
/// Data-build as its users start it asks our own chat service, which it finds by service discovery, and shows it the key where there is
/// one.
/// </summary>
public sealed class WrittenByChatServiceTests(PebbleChatProcess open, KeyedChatProcess keyed)
    : IClassFixture<PebbleChatProcess>, IClassFixture<KeyedChatProcess>
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_tiny_model_is_asked_as_often_as_allowed_and_what_it_writes_is_judged(bool withKey)
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "p.tsv"), "你好\thello\n", TestContext.Current.CancellationToken);
        // One template: the model's context is 512 tokens.
        await File.WriteAllTextAsync(Path.Combine(folder, "t.txt"), "Say in [tgt_lang]: [input]\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder, "with.yaml"),
            """
            prompt_template_name: plain
            sources:
              - parallel: { path: p.tsv, src_lang: Chinese, tgt_lang: English, templates: t.txt, written: 40 }
            writer: { provider: chat, model: pebble, max_requests: 2 }
            """, TestContext.Current.CancellationToken);

        var (code, said) = await RunAsync(folder, withKey ? keyed : open);

        Assert.True(code == 1 && said.Contains("request 2"), said);
        // Two answers came back and were read: each item is accepted or dropped for a reason, and neither gives forty templates.
        Assert.Matches(@"writer, parallel p\.tsv, templates: accepted \d+ of 40, request 1; dropped so far: \d+ \(", said);
        Assert.Matches(@"accepted \d+ of 40, request 2; dropped so far: \d+ \(", said);
        Assert.Matches(
            @"The chat model 'pebble' wrote \d+ of 40 items for parallel p\.tsv, templates before the writer's requests were used up\. "
                + @"Dropped: \d+ \(", said);
        Assert.DoesNotContain("request 3", said);
        Assert.DoesNotContain("failed", said);
        Directory.Delete(folder, recursive: true);
    }

    private async Task<(int Code, string Said)> RunAsync(string folder, PebbleChatProcess service)
    {
        ProcessStartInfo start = new(PebbleChatProcess.DataBuild,
            ["once", "--with", Path.Combine(folder, "with.yaml"), "--input", $"base={PebbleChatProcess.Folder}", "--data", folder, "--out",
                Path.Combine(folder, "out")])
        { RedirectStandardError = true };
        start.Environment["LORA_STORE"] = Path.Combine(folder, "store");
        // As the app model's WithReference sets it.
        start.Environment["services__chat__http__0"] = service.Address.ToString().TrimEnd('/');
        start.Environment["LORA_API_KEY_FILE"] = service.KeyFile;
        start.Environment.Remove("ConnectionStrings__redis");
        using var process = Process.Start(start)!;
        var said = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, said);
    }
}
