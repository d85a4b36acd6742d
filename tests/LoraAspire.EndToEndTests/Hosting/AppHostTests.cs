using System.Net;
using System.Net.Sockets;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Runs;
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
        using var client = new HttpClient();
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(addresses.Lab + "/health", Cancelled)).StatusCode);
        var processes = app.Processes();
        Assert.InRange(processes.Count, 8, int.MaxValue);   // Redis and seven services at least

        app.Signal(15);
        await app.Process.WaitForExitAsync(Cancelled);

        Assert.Equal(0, app.Process.ExitCode);
        Assert.Contains("Stopping", app.Output);
        Assert.True(SpinWait.SpinUntil(() => app.Processes().Count == 0, TimeSpan.FromSeconds(15)), string.Join('\n', app.Processes().Select(AppHostProcess.CommandLine)));
        Assert.False(File.Exists(AppAddresses.File(app.State)));
    }

    [Fact]
    public async Task Killed_with_signal_9_it_leaves_no_orphan_and_its_folder_is_free_again()
    {
        await using var app = AppHostProcess.Start();
        await app.ReadyAsync();
        Assert.InRange(app.Processes().Count, 8, int.MaxValue);

        app.Signal(AppHostProcess.Kill);
        await app.Process.WaitForExitAsync(Cancelled);

        Assert.True(SpinWait.SpinUntil(() => app.Processes().Count == 0, TimeSpan.FromSeconds(30)), string.Join('\n', app.Processes().Select(AppHostProcess.CommandLine)));
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

    [Theory]
    [InlineData("killed", 0, "succeeded")]
    [InlineData("emptied", 1, "is gone: Redis has lost all of its log")]
    public async Task A_pipeline_in_the_terminal_goes_on_when_Redis_is_killed_and_ends_in_words_when_it_is_emptied(string fault, int exitCode, string words)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Pipeline, Cancelled);
        await using var app = AppHostProcess.Start(null, "--pipeline", file, "--exit");
        await app.ReadyAsync();
        await using var connection = await ConnectionMultiplexer.ConnectAsync(AppAddresses.Read(app.State)!.Redis);
        await InTrainingAsync(new Runs(connection, new StreamOptions()));

        if (fault == "killed")
        {
            System.Diagnostics.Process.GetProcessById(app.Processes().Single(pid => AppHostProcess.CommandLine(pid).Contains("redis-server ", StringComparison.Ordinal))).Kill();
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

    private static async Task InTrainingAsync(Runs runs)
    {
        IReadOnlyList<RunState> all;
        do
        {
            all = await runs.ListAsync();
        }
        while (all.Count == 0);
        await runs.FollowProgressAsync(all[0].Id, Cancelled).FirstAsync(point => point.Progress is { Phase: "step", Done: >= 2 }, Cancelled);
    }

    [Theory]
    [InlineData("--pipeline", "", "--pipeline")]
    [InlineData("--pipelin", "x.yaml", "--pipelin")]
    [InlineData("--pipeline", "nowhere.yaml", "No pipeline file")]
    [InlineData("--lab-port", "70000", "takes a port, 0 to 65535")]
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
