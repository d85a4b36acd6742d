using System.Diagnostics;
using LoraAspire.EndToEndTests.Chat;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using Microsoft.Playwright;
using StackExchange.Redis;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>
/// The lab as its own process before a real Redis and a chat service, a headless Chromium in front, and a pen for what runs write.
/// </summary>
public sealed class LabApp : IAsyncLifetime
{
    /// <summary>A name that the lab is told to answer to; the browser finds it here.</summary>
    public const string OtherHost = "pages.lab.example";

    private readonly string folder = Directory.CreateTempSubdirectory("lora-lab-").FullName;
    private Process? lab;
    private readonly HeadlessBrowser browser = new($"--host-resolver-rules=MAP {OtherHost} 127.0.0.1");
    private ConnectionMultiplexer? connection;

    public RedisProcess Redis { get; } = new();

    /// <summary>What the page Chat asks. A browser is told of another address, as in containers.</summary>
    public ChatProcess Chat { get; } = new();

    public Uri Address { get; private set; } = null!;

    public ArtifactStore Store => new(Path.Combine(folder, "store"));

    /// <summary>What the lab has computed so far, whatever else the machine does.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            lab!.Refresh();
            return lab.TotalProcessorTime;
        }
    }

    /// <summary>The data root.</summary>
    public string Data => Path.Combine(folder, "data");

    public IDatabase Database => connection!.GetDatabase();

    public async ValueTask InitializeAsync()
    {
        await Task.WhenAll(Redis.StartAsync(), Chat.InitializeAsync().AsTask());
        var settings = ConfigurationOptions.Parse(Redis.ConnectionString);
        settings.AbortOnConnectFail = false;
        connection = await ConnectionMultiplexer.ConnectAsync(settings);
        await StartLabAsync();
    }

    /// <summary>A fresh browser page at a path of the lab.</summary>
    public Task<IPage> OpenAsync(string path, int width = 1440, ColorScheme colours = ColorScheme.Light, string locale = "en") =>
        browser.OpenAsync(new Uri(Address, path), width, colours, locale);

    /// <summary>What the coordinator does when it takes a run: the index entry and the first event.</summary>
    public async Task<string> SubmittedAsync(string name, params StageOutline[] stages)
    {
        var run = $"test-{Guid.NewGuid():N}";
        var now = DateTimeOffset.UtcNow;
        await HappenedAsync(new RunSubmitted(run, now, name, $"{name}.yaml", $"name: {name}\n", stages, []));
        await Database.SortedSetAddAsync(Keys.Runs, run, now.ToUnixTimeMilliseconds());
        return run;
    }

    public Task HappenedAsync(RunEvent happened) => Database.StreamAddAsync(Keys.Run(happened.Run), Entries.ToEntry(happened));

    public Task ToldAsync(string run, string stage, StageProgress progress) =>
        Database.StreamAddAsync(Keys.Progress(run), Entries.ToEntry(new ProgressPoint(run, DateTimeOffset.UtcNow, stage, progress)));

    /// <summary>What the pages have asked of the coordinator.</summary>
    public async Task<List<InboxMessage>> InboxAsync() =>
        [.. (await Database.StreamRangeAsync(Keys.Inbox)).Select(Entries.Read<InboxMessage>)];

    /// <summary>A run's line in the list.</summary>
    public static ILocator Row(IPage page, string run) => page.GetByTestId("runs").Locator("tbody tr", new() { HasText = run });

    /// <summary>The lab anew, as it is after a night: what it knew of the runs is gone.</summary>
    public async Task RestartLabAsync()
    {
        lab!.Kill(entireProcessTree: true);
        await lab.WaitForExitAsync();
        lab.Dispose();
        await StartLabAsync();
    }

    private async Task StartLabAsync()
    {
        var start = new ProcessStartInfo("dotnet", [Built.Assembly("services/LoraAspire.Lab")])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = Path.Combine(Built.Root, "services", "LoraAspire.Lab"),
            Environment =
            {
                ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
                ["ConnectionStrings__redis"] = Redis.ConnectionString,
                ["LORA_STORE"] = Path.Combine(folder, "store"),
                ["LORA_DATA"] = Directory.CreateDirectory(Data).FullName,
                ["LORA_ALLOWED_HOSTS"] = OtherHost,
                ["services__chat__http__0"] = Chat.Address.ToString(),
                ["LORA_CHAT_URL"] = "http://localhost:15081",
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = null,
            },
        };
        lab = Process.Start(start)!;
        const string Announcement = "Now listening on: ";
        while (await lab.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.IndexOf(Announcement, StringComparison.Ordinal) is >= 0 and var at)
            {
                Address = new Uri(line[(at + Announcement.Length)..].Trim());
                _ = lab.StandardOutput.ReadToEndAsync();
                return;
            }
        }
        throw new InvalidOperationException($"The lab ended with {lab.ExitCode} before it listened.");
    }

    public async ValueTask DisposeAsync()
    {
        await browser.DisposeAsync();
        if (lab is { HasExited: false })
        {
            lab.Kill(entireProcessTree: true);
            await lab.WaitForExitAsync();
        }
        lab?.Dispose();
        if (connection is not null)
        {
            await connection.DisposeAsync();
        }
        await Redis.DisposeAsync();
        await Chat.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}

[CollectionDefinition(Name)]
public sealed class LabCollection : ICollectionFixture<LabApp>
{
    public const string Name = "lab";
}
