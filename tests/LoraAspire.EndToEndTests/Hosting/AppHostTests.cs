using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.RegularExpressions;
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
    public async Task Told_to_listen_everywhere_pages_ask_for_the_key_that_the_terminal_shows_and_the_rest_stays_on_loopback()
    {
        var own = NetworkInterface.GetAllNetworkInterfaces().SelectMany(network => network.GetIPProperties().UnicastAddresses).Select(unicast => unicast.Address)
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
