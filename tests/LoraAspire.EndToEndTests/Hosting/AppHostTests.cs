using System.Net;
using System.Net.Sockets;
using LoraAspire.Runtime;

namespace LoraAspire.EndToEndTests.Hosting;

public sealed class AppHostTests
{
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
