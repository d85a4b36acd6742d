using System.Net;
using System.Net.Sockets;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LoraAspire.Tests.Hosting;

public sealed class LifecycleTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_resource_waits_until_its_dependency_is_healthy_and_its_ready_handlers_are_done()
    {
        await using var test = new TestApp();
        var healthy = false;
        var handler = new TaskCompletionSource();
        test.Builder.Services.AddHealthChecks().AddCheck("gate", () => healthy ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy());
        var first = test.Shell("first", "exec sleep 1000").WithHealthCheck("gate").OnResourceReady((_, _, _) => handler.Task);
        test.Shell("second", "exec sleep 1000").WaitFor(first);
        await test.App.StartAsync(Cancelled);

        await test.FirstAsync("second", s => s.State?.Text == KnownResourceStates.Waiting);
        await test.FirstAsync("first", s => s.HealthStatus == HealthStatus.Unhealthy);
        healthy = true;
        await test.FirstAsync("first", s => s.ResourceReadyEvent is not null);
        var before = await test.FirstAsync("second", _ => true);
        Assert.Equal(KnownResourceStates.Waiting, before.Snapshot.State?.Text);
        handler.SetResult();
        await test.FirstAsync("second", s => s.State?.Text == KnownResourceStates.Running);
    }

    [Fact]
    public async Task Start_forces_a_waiting_resource()
    {
        await using var test = new TestApp();
        test.Builder.Services.AddHealthChecks().AddCheck("never", () => HealthCheckResult.Unhealthy());
        var first = test.Shell("first", "exec sleep 1000").WithHealthCheck("never");
        var second = test.Shell("second", "exec sleep 1000").WaitFor(first);
        await test.App.StartAsync(Cancelled);
        await test.FirstAsync("second", s => s.State?.Text == KnownResourceStates.Waiting);

        var result = await test.App.ResourceCommands.ExecuteCommandAsync(second.Resource, KnownResourceCommands.StartCommand, Cancelled);

        Assert.True(result.Success, result.ErrorMessage);
        await test.FirstAsync("second", s => s.State?.Text == KnownResourceStates.Running);
    }

    [Fact]
    public async Task What_waits_for_a_failed_completion_fails_to_start()
    {
        await using var test = new TestApp();
        var first = test.Shell("first", "exit 3");
        test.Shell("second", "true").WaitForCompletion(first);
        await test.App.StartAsync(Cancelled);
        var ended = await test.FirstAsync("first", s => s.State?.Text == KnownResourceStates.Exited);
        Assert.Equal(3, ended.Snapshot.ExitCode);
        await test.FirstAsync("second", s => s.State?.Text == KnownResourceStates.FailedToStart);
    }

    [Fact]
    public async Task A_child_is_stopped_started_and_restarted_by_commands()
    {
        await using var test = new TestApp();
        var worker = test.Shell("worker", "exec sleep 1000").Resource;
        var commands = test.App.ResourceCommands;
        await test.App.StartAsync(Cancelled);
        var first = TestApp.Pid(await test.FirstAsync("worker", s => s.State?.Text == KnownResourceStates.Running));

        Assert.True((await commands.ExecuteCommandAsync(worker, KnownResourceCommands.StopCommand, Cancelled)).Success);
        Assert.False(Directory.Exists($"/proc/{first}"));
        Assert.False((await commands.ExecuteCommandAsync(worker, KnownResourceCommands.StopCommand, Cancelled)).Success);

        Assert.True((await commands.ExecuteCommandAsync(worker, KnownResourceCommands.StartCommand, Cancelled)).Success);
        var second = TestApp.Pid(await test.FirstAsync("worker", s => s.State?.Text == KnownResourceStates.Running));
        Assert.True((await commands.ExecuteCommandAsync(worker, KnownResourceCommands.RestartCommand, Cancelled)).Success);
        var third = TestApp.Pid(await test.FirstAsync("worker", s => s.State?.Text == KnownResourceStates.Running && s.Properties.Any(p => p.Value is int pid && pid != second)));
        Assert.NotEqual(second, third);
        Assert.False(Directory.Exists($"/proc/{second}"));
    }

    [Fact]
    public async Task A_command_of_ones_own_gives_its_result_and_a_fault_becomes_a_failure()
    {
        await using var test = new TestApp();
        var worker = test.Shell("worker", "exec sleep 1000")
            .WithCommand("good", "Good", _ => Task.FromResult(CommandResults.Success()))
            .WithCommand("bad", "Bad", _ => throw new InvalidOperationException("out of paper")).Resource;
        await test.App.StartAsync(Cancelled);
        Assert.True((await test.App.ResourceCommands.ExecuteCommandAsync(worker, "good", Cancelled)).Success);
        var bad = await test.App.ResourceCommands.ExecuteCommandAsync(worker, "bad", Cancelled);
        Assert.False(bad.Success);
        Assert.Equal("out of paper", bad.ErrorMessage);
        Assert.False((await test.App.ResourceCommands.ExecuteCommandAsync(worker, "absent", Cancelled)).Success);
    }

    [Fact]
    public async Task Output_of_a_child_goes_to_its_log_file()
    {
        await using var test = new TestApp();
        test.Shell("talker", "echo plain; echo wrong >&2; echo \"$COLOUR\"").WithEnvironment("COLOUR", "blue");
        await test.App.StartAsync(Cancelled);
        await test.FirstAsync("talker", s => s.State?.Text == KnownResourceStates.Finished);
        var log = await ReadSharedAsync(Path.Combine(test.Folder, ".lora/logs/talker.log"));
        Assert.Contains(" plain\n", log);
        Assert.Contains(" ! wrong\n", log);
        Assert.Contains(" blue\n", log);
    }

    [Fact]
    public async Task A_taken_port_is_named_with_who_needs_it()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await using var test = new TestApp();
        test.Shell("web", "true").WithHttpEndpoint(port: port);
        var refused = await Assert.ThrowsAsync<DistributedApplicationException>(() => test.App.StartAsync(Cancelled));
        Assert.Contains($"Port {port}", refused.Message);
        Assert.Contains("'web'", refused.Message);
    }

    [Fact]
    public async Task A_command_that_is_not_here_fails_to_start_and_says_so()
    {
        await using var test = new TestApp();
        test.Builder.AddExecutable("ghost", "no-such-command", test.Folder);
        await test.App.StartAsync(Cancelled);
        await test.FirstAsync("ghost", s => s.State?.Text == KnownResourceStates.FailedToStart);
        Assert.Contains("no-such-command", await ReadSharedAsync(Path.Combine(test.Folder, ".lora/logs/ghost.log")));
    }

    private static async Task<string> ReadSharedAsync(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return await reader.ReadToEndAsync(Cancelled);
    }
}
