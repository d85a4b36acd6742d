using System.Diagnostics;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using Microsoft.Playwright;
using StackExchange.Redis;

namespace LoraAspire.EndToEndTests.Dashboard;

/// <summary>The dashboard as its own process before a real Redis, a headless Chromium in front, and a pen for what runs write.</summary>
public sealed class DashboardApp : IAsyncLifetime
{
    private static readonly string[] Browsers = ["chromium", "chromium-browser", "google-chrome"];
    private static readonly string[] BrowserArguments =
        ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update", "--disable-sync"];

    private readonly string folder = Directory.CreateTempSubdirectory("lora-dashboard-").FullName;
    private Process? dashboard;
    private IPlaywright? playwright;
    private IBrowser? browser;
    private ConnectionMultiplexer? connection;

    public RedisProcess Redis { get; } = new();

    public Uri Address { get; private set; } = null!;

    public ArtifactStore Store => new(Path.Combine(folder, "store"));

    public IDatabase Database => connection!.GetDatabase();

    public async ValueTask InitializeAsync()
    {
        await Redis.StartAsync();
        var settings = ConfigurationOptions.Parse(Redis.ConnectionString);
        settings.AbortOnConnectFail = false;
        connection = await ConnectionMultiplexer.ConnectAsync(settings);
        await StartDashboardAsync();
    }

    /// <summary>A fresh browser page at a path of the dashboard.</summary>
    public async Task<IPage> OpenAsync(string path)
    {
        if (browser is null)
        {
            var executable = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .SelectMany(directory => Browsers.Select(name => Path.Combine(directory, name))).FirstOrDefault(File.Exists);
            Assert.SkipWhen(executable is null, "No chromium, chromium-browser or google-chrome on the PATH: the pages were not opened.");
            playwright = await Playwright.CreateAsync();
            // The first page pays for compiling the dashboard; a test that promises a time names it.
            Assertions.SetDefaultExpectTimeout(30_000);
            browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = executable, Args = BrowserArguments });
        }
        var page = await browser.NewPageAsync(new() { ViewportSize = new() { Width = 1440, Height = 900 } });
        await page.GotoAsync(new Uri(Address, path).ToString());
        return page;
    }

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

    private async Task StartDashboardAsync()
    {
        var root = LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!;
        // bin/{configuration}/{framework}/{rid}, the same for the tests and for the dashboard they were built with.
        var build = Path.GetRelativePath(Path.Combine(root, "tests", "LoraAspire.EndToEndTests"), AppContext.BaseDirectory);
        var start = new ProcessStartInfo("dotnet", [Path.Combine(root, "services", "LoraAspire.Dashboard", build, "LoraAspire.Dashboard.dll")])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = Path.Combine(root, "services", "LoraAspire.Dashboard"),
            Environment =
            {
                ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
                ["ConnectionStrings__redis"] = Redis.ConnectionString,
                ["LORA_STORE"] = Path.Combine(folder, "store"),
                ["RESOURCE_SERVICE_URL"] = null,
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = null,
            },
        };
        dashboard = Process.Start(start)!;
        const string Announcement = "Now listening on: ";
        while (await dashboard.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.IndexOf(Announcement, StringComparison.Ordinal) is >= 0 and var at)
            {
                Address = new Uri(line[(at + Announcement.Length)..].Trim());
                _ = dashboard.StandardOutput.ReadToEndAsync();
                return;
            }
        }
        throw new InvalidOperationException($"The dashboard ended with {dashboard.ExitCode} before it listened.");
    }

    public async ValueTask DisposeAsync()
    {
        if (browser is not null)
        {
            await browser.DisposeAsync();
        }
        playwright?.Dispose();
        if (dashboard is { HasExited: false })
        {
            dashboard.Kill(entireProcessTree: true);
            await dashboard.WaitForExitAsync();
        }
        dashboard?.Dispose();
        if (connection is not null)
        {
            await connection.DisposeAsync();
        }
        await Redis.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}

[CollectionDefinition(Name)]
public sealed class DashboardCollection : ICollectionFixture<DashboardApp>
{
    public const string Name = "dashboard";
}
