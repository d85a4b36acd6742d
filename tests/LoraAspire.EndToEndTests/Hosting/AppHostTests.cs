using System.Net;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.Json;

namespace LoraAspire.EndToEndTests.Hosting;

public sealed class AppHostTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_service_becomes_healthy_and_sigterm_leaves_no_process_and_no_address_file()
    {
        await using var app = AppHostProcess.Start();
        await app.ReadyAsync();
        var addresses = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(app.State, "apphost.json"), Cancelled)).RootElement;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(app.State, "apphost.json")));
        Assert.Contains("password=", addresses.GetProperty("redis").GetString());
        using var client = new HttpClient();
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(addresses.GetProperty("dashboard").GetString() + "/health", Cancelled)).StatusCode);
        var children = app.Children();
        Assert.Equal(9, children.Count);   // Redis, seven services, the watchdog

        app.Signal(15);
        await app.Process.WaitForExitAsync(Cancelled);

        Assert.Equal(0, app.Process.ExitCode);
        Assert.True(SpinWait.SpinUntil(() => !children.Any(AppHostProcess.IsRunning), TimeSpan.FromSeconds(5)));
        Assert.False(File.Exists(Path.Combine(app.State, "apphost.json")));
    }

    [Fact]
    public async Task Killed_with_signal_9_it_leaves_no_orphan_and_its_folder_is_free_again()
    {
        await using var app = AppHostProcess.Start();
        await app.ReadyAsync();
        var children = app.Children();
        Assert.Equal(9, children.Count);

        app.Signal(AppHostProcess.Kill);
        await app.Process.WaitForExitAsync(Cancelled);

        Assert.True(SpinWait.SpinUntil(() => !children.Any(AppHostProcess.IsRunning), TimeSpan.FromSeconds(10)));
        await using var next = AppHostProcess.Start(app.State);
        await next.ReadyAsync();
    }

    [Fact]
    public async Task A_service_that_is_killed_comes_back()
    {
        await using var app = AppHostProcess.Start();
        await app.ReadyAsync();
        var killed = Merger().Single();
        System.Diagnostics.Process.GetProcessById(killed).Kill();
        Assert.True(SpinWait.SpinUntil(() => Merger().Any(pid => pid != killed), TimeSpan.FromSeconds(20)));

        IEnumerable<int> Merger() => app.Children().Where(pid => AppHostProcess.CommandLine(pid).Contains("LoraAspire.Merger", StringComparison.Ordinal));
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

    [Fact]
    public void The_build_gives_one_class_for_each_service()
    {
        var assembly = Path.Combine(AppHostProcess.Root, "LoraAspire.AppHost/bin", AppHostProcess.Configuration, "net10.0/linux-x64/LoraAspire.AppHost.dll");
        using var file = new PEReader(File.OpenRead(assembly));
        var metadata = file.GetMetadataReader();
        var projects = metadata.TypeDefinitions.Select(metadata.GetTypeDefinition).Where(type => metadata.GetString(type.Namespace) == "Projects");
        Assert.Equal(
            ["LoraAspire_Chat", "LoraAspire_Coordinator", "LoraAspire_Dashboard", "LoraAspire_DataBuild", "LoraAspire_Evaluator", "LoraAspire_Merger", "LoraAspire_Trainer"],
            projects.Select(type => metadata.GetString(type.Name)).Order());
    }
}
