using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using LoraAspire.Hosting.Redis;

namespace LoraAspire.Tests.Hosting;

public sealed class RedisTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Redis_starts_with_a_log_a_password_and_only_on_loopback()
    {
        await using var test = new TestApp();
        var redis = test.Builder.AddRedis("redis").Resource;
        await test.App.StartAsync(Cancelled);
        var pid = TestApp.Pid(await test.App.ResourceNotifications.WaitForResourceHealthyAsync("redis", Cancelled));
        var password = (await redis.PasswordParameter!.GetValueAsync(Cancelled))!;

        Assert.StartsWith("-NOAUTH", await AskAsync(redis, "PING"));
        Assert.Contains("yes", await AskAsync(redis, $"AUTH {password}", "CONFIG GET appendonly"));
        Assert.Contains("127.0.0.1 -::1", await AskAsync(redis, $"AUTH {password}", "CONFIG GET bind"));
        Assert.DoesNotContain(password, await File.ReadAllTextAsync($"/proc/{pid}/cmdline", Cancelled));
        var mode = File.GetUnixFileMode(Path.Combine(test.Folder, ".lora/redis/redis.conf"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, mode);
    }

    [Fact]
    public async Task What_redis_holds_survives_a_restart()
    {
        await using var test = new TestApp();
        var redis = test.Builder.AddRedis("redis").Resource;
        await test.App.StartAsync(Cancelled);
        var first = TestApp.Pid(await test.App.ResourceNotifications.WaitForResourceHealthyAsync("redis", Cancelled));
        var password = (await redis.PasswordParameter!.GetValueAsync(Cancelled))!;
        await AskAsync(redis, $"AUTH {password}", "SET kept yes");

        await test.App.ResourceCommands.ExecuteCommandAsync(redis, KnownResourceCommands.RestartCommand, Cancelled);
        await test.FirstAsync("redis", s => s.HealthStatus == Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Healthy && s.Properties.Any(p => p.Value is int pid && pid != first));

        Assert.Contains("yes", await AskAsync(redis, $"AUTH {password}", "GET kept"));
    }

    [Fact]
    public async Task The_distributions_package_runs_unpacked_without_being_installed()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/apt-get"), "This system has no apt-get.");
        var cache = Directory.CreateTempSubdirectory("lora-redis-").FullName;
        try
        {
            var binary = await DebianPackage.UnpackAsync("redis-server", cache, _ => { }, Cancelled);

            Assert.StartsWith(cache, binary.Path);
            var start = new ProcessStartInfo(binary.Path, ["--version"]) { RedirectStandardOutput = true };
            binary.ApplyTo(start);
            using var process = Process.Start(start)!;
            Assert.Contains("Redis server v=", await process.StandardOutput.ReadToEndAsync(Cancelled));
            Assert.Equal(binary, await DebianPackage.UnpackAsync("redis-server", cache, _ => Assert.Fail("It is there already."), Cancelled));
        }
        finally
        {
            Directory.Delete(cache, recursive: true);
        }
    }

    [Fact]
    public async Task A_package_that_no_list_holds_is_an_error_that_says_what_to_do()
    {
        var cache = Directory.CreateTempSubdirectory("lora-redis-").FullName;
        var failed = await Assert.ThrowsAsync<InvalidOperationException>(() => DebianPackage.UnpackAsync("no-such-server", cache, _ => { }, Cancelled));
        Assert.Contains("ConnectionStrings__redis", failed.Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(cache));
        Directory.Delete(cache);
    }

    /// <summary>The raw answer to the last command.</summary>
    private static async Task<string> AskAsync(RedisResource redis, params string[] commands)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(redis.PrimaryEndpoint.Host, redis.PrimaryEndpoint.Port, Cancelled);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(string.Concat(commands.Append("QUIT").Select(c => c + "\r\n"))), Cancelled);
        return await new StreamReader(stream).ReadToEndAsync(Cancelled);
    }
}
