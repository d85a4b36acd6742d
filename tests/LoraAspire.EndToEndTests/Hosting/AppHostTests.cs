using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using LoraAspire.Faults;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.EndToEndTests.Hosting;

public sealed class AppHostTests
{
    private const string Pipeline = """
        name: watched
        stages:
          - id: data
            uses: data-build
            inputs: { base: model:pebble }
            with:
              prompt_template_name: plain
              cutoff_len: 128
              sources: [ { self_cognition: { name: Mingyu, developer: the evening class, sample: 160 } } ]
          - id: tune
            uses: trainer
            inputs: { dataset: data.dataset, base: model:pebble }
            with: { num_epochs: 3, batch_size: 8, micro_batch_size: 8, learning_rate: 2e-3, warmup_steps: 2, val_set_size: 16, save_steps: 5 }
        """;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sigterm_stops_services_before_redis_and_leaves_no_process_and_no_address_file()
    {
        await using var app = AppHostProcess.Start();
        await app.ReadyAsync();
        var addresses = AppAddresses.Read(app.State)!;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(AppAddresses.File(app.State)));
        Assert.Contains("password=", addresses.Redis);
        Assert.Empty(OpenToOthers(app.State));
        using var client = new HttpClient();
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(addresses.Lab + "/health", Cancelled)).StatusCode);
        var processes = app.Processes();
        Assert.InRange(processes.Count, 8, int.MaxValue);   // Redis and seven services at least

        app.Signal(15);
        await app.Process.WaitForExitAsync(Cancelled);

        Assert.Equal(0, app.Process.ExitCode);
        Assert.Contains("Stopping", app.Output);
        Assert.True(SpinWait.SpinUntil(() => app.Processes().Count == 0, TimeSpan.FromSeconds(15)),
            string.Join('\n', app.Processes().Select(AppProcesses.CommandLine)));
        Assert.False(File.Exists(AppAddresses.File(app.State)));
    }

    /// <summary>The folder itself and all in it that another user could look into.</summary>
    private static IEnumerable<string> OpenToOthers(string folder) =>
        new DirectoryInfo(folder).EnumerateFileSystemInfos("*", SearchOption.AllDirectories)
        .Append(new DirectoryInfo(folder)).Where(entry => entry.LinkTarget is null && (entry.UnixFileMode & ~PrivateFolder.FolderMode) != 0)
        .Select(entry => $"{entry.FullName} {entry.UnixFileMode}");

    [Fact]
    public async Task Killed_with_signal_9_it_leaves_no_orphan_and_its_folder_is_free_again()
    {
        await using var app = AppHostProcess.Start();
        await app.ReadyAsync();
        Assert.InRange(app.Processes().Count, 8, int.MaxValue);

        app.Signal(AppHostProcess.Kill);
        await app.Process.WaitForExitAsync(Cancelled);

        Assert.True(SpinWait.SpinUntil(() => app.Processes().Count == 0, TimeSpan.FromSeconds(30)),
            string.Join('\n', app.Processes().Select(AppProcesses.CommandLine)));
        await using var next = AppHostProcess.Start(app.State);
        await next.ReadyAsync();
    }

    [Fact]
    public async Task A_second_one_in_the_same_folder_names_the_first()
    {
        await using var first = AppHostProcess.Start();
        await first.ReadyAsync();
        await using var second = AppHostProcess.Start(first.State);
        await second.Process.WaitForExitAsync(Cancelled);
        Assert.Equal(1, second.Process.ExitCode);
        Assert.Contains($"process {first.Process.Id}", second.Output);
    }

    [Fact]
    public async Task Told_to_listen_everywhere_pages_ask_for_the_key_that_the_terminal_shows_and_the_rest_stays_on_loopback()
    {
        var own = NetworkInterface.GetAllNetworkInterfaces().SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address));
        Assert.SkipWhen(own is null, "This machine has no address besides loopback.");
        await using var app = AppHostProcess.Start(null, "--listen", "0.0.0.0");
        await app.ReadyAsync();
        var addresses = AppAddresses.Read(app.State)!;
        using var client = new HttpClient();
        foreach (var page in new[] { addresses.Lab, addresses.Chat })
        {
            var seen = new UriBuilder(page) { Host = $"{own}" }.Uri;
            Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync(seen, Cancelled)).StatusCode);
            var link = Regex.Match(app.Output, $@"http://\S+:{seen.Port}/login\?key=[0-9a-f]{{64}}").Value;
            using var browser = new HttpClient();
            Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync(link, Cancelled)).StatusCode);
        }
        var redis = int.Parse(Regex.Match(addresses.Redis, @":(\d+),").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
        using var beyond = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(() => beyond.ConnectAsync(own, redis, Cancelled).AsTask());
    }

    [Fact]
    public async Task A_broken_pipeline_stops_it_before_anything_starts()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "name: broken\nstages:\n  - id: tune\n    uses: trayner\n", Cancelled);
        await using var app = AppHostProcess.Start(null, "--pipeline", file, "--exit");
        await app.Process.WaitForExitAsync(Cancelled);
        File.Delete(file);
        Assert.Equal(1, app.Process.ExitCode);
        Assert.Contains(":4:11: unknown stage kind 'trayner'", app.Output);
        Assert.False(Directory.Exists(Path.Combine(app.State, "redis")));
    }

    [Trait("Category", "Long")]
    [Theory]
    [InlineData("killed", 0, "succeeded")]
    [InlineData("emptied", 1, "is gone: Redis has lost all of its log")]
    public async Task A_pipeline_in_the_terminal_goes_on_when_Redis_is_killed_and_ends_in_words_when_it_is_emptied(string fault,
        int exitCode, string words)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Pipeline, Cancelled);
        await using var app = AppHostProcess.Start(null, "--pipeline", file, "--exit");
        await app.ReadyAsync();
        await using var connection = await ConnectionMultiplexer.ConnectAsync(AppAddresses.Read(app.State)!.Redis);
        await InTrainingAsync(new RunClient(connection, new StreamSettings()));

        if (fault == "killed")
        {
            System.Diagnostics.Process.GetProcessById(
                app.Processes().Single(pid => AppProcesses.CommandLine(pid).Contains("redis-server ", StringComparison.Ordinal))).Kill();
        }
        else
        {
            await connection.GetDatabase().ScriptEvaluateAsync("redis.call('FLUSHALL')");
        }
        await app.Process.WaitForExitAsync(Cancelled);
        File.Delete(file);

        Assert.True(app.Process.ExitCode == exitCode, app.Output);
        Assert.Contains(words, app.Output);
        Assert.DoesNotContain("   at ", app.Output);
    }

    [Fact]
    public async Task Asked_to_end_in_a_training_it_says_that_the_run_is_being_cancelled_and_then_that_it_is()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Pipeline.Replace("num_epochs: 3", "num_epochs: 300", StringComparison.Ordinal), Cancelled);
        await using var app = AppHostProcess.Start(null, "--pipeline", file, "--exit");
        await app.ReadyAsync();
        await using var connection = await ConnectionMultiplexer.ConnectAsync(AppAddresses.Read(app.State)!.Redis);
        await InTrainingAsync(new RunClient(connection, new StreamSettings()));

        app.Signal(15); // as Ctrl-C is taken; that one a program in the background of a script never hears
        await app.Process.WaitForExitAsync(Cancelled);
        File.Delete(file);

        Assert.Equal(1, app.Process.ExitCode);
        Assert.Matches(new Regex(@"Stopping: run (\S+) is being cancelled\.\.\.\n(.*\n)*Run \1 is cancelled"), app.Output);
    }

    private static async Task InTrainingAsync(RunClient runs)
    {
        IReadOnlyList<RunState> all;
        do
        {
            all = await runs.ListAsync();
        }
        while (all.Count == 0);
        await runs.FollowProgressAsync(all[0].Id, Cancelled)
            .FirstAsync(point => point.Progress is { Phase: "step", Done: >= 2 }, Cancelled);
    }

    [Theory]
    [InlineData("--pipeline", "", "--pipeline")]
    [InlineData("--pipelin", "x.yaml", "--pipelin")]
    [InlineData("--pipeline", "nowhere.yaml", "No pipeline file")]
    [InlineData("--lab-port", "70000", "takes a port, 0 to 65535")]
    [InlineData("--listen", "15080", "takes an IPv4 address of this machine")]
    [InlineData("--listen", "somewhere.example", "takes an IPv4 address of this machine")]
    [InlineData("--listen", "203.0.113.9", "is no address of this machine")]
    [InlineData("--exit", "", "--exit needs --pipeline FILE")]
    [InlineData("--state=a", "--state=b", "--state")]
    public async Task A_wrong_argument_is_answered_in_words(string name, string value, string words)
    {
        await using var app = AppHostProcess.Start(null, value == "" ? [name] : [name, value]);
        await app.Process.WaitForExitAsync(Cancelled);

        Assert.Equal(1, app.Process.ExitCode);
        Assert.Contains(words, app.Output);
        Assert.DoesNotContain("   at ", app.Output);
    }

    [Fact]
    public async Task A_taken_port_is_named_with_the_option_that_chooses_another()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var app = AppHostProcess.Start(null, "--lab-port", $"{port}");
        await app.Process.WaitForExitAsync(Cancelled);

        Assert.Equal(1, app.Process.ExitCode);
        Assert.Contains($"Port {port}, wanted for the lab", app.Output);
    }
}
