using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Cli;

/// <summary>The running app, found through ConnectionStrings__redis or the file that the AppHost leaves in .lora.</summary>
internal sealed record App(string Redis, string? Dashboard, string? Chat)
{
    internal const string NotRunning = "LoraAspire is not running here. Start it with `dotnet run --project LoraAspire.AppHost` and try again, or set ConnectionStrings__redis.";

    /// <exception cref="CliException">No app runs here.</exception>
    public static App Find()
    {
        var root = LoraPaths.RepositoryRoot(Environment.CurrentDirectory) ?? LoraPaths.RepositoryRoot(AppContext.BaseDirectory);
        var file = root is null ? null : Path.Combine(root, ".lora", "apphost.json");
        var left = file is not null && File.Exists(file) ? Left(file) : null;
        var redis = Environment.GetEnvironmentVariable("ConnectionStrings__redis") ?? left?.Redis;
        return redis is null ? throw new CliException(NotRunning) : new(redis, left?.Dashboard, left?.Chat);
    }

    private static App? Left(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<App>(File.ReadAllText(file), JsonSerializerOptions.Web);
        }
        catch (JsonException)
        {
            throw new CliException($"{file} is damaged. Start LoraAspire again, or set ConnectionStrings__redis.");
        }
    }

    /// <exception cref="CliException">Redis does not answer.</exception>
    public static async Task<Runs> ConnectAsync()
    {
        var settings = ConfigurationOptions.Parse(Find().Redis);
        (settings.ConnectTimeout, settings.ConnectRetry) = (3000, 1);
        try
        {
            return new(await ConnectionMultiplexer.ConnectAsync(settings), new StreamOptions());
        }
        catch (RedisConnectionException)
        {
            throw new CliException(NotRunning);
        }
    }
}

internal static class Guard
{
    /// <summary>Exit code 1 with words for what the user can mend; 130 after Ctrl-C.</summary>
    public static async Task<int> Guarded(this Task<int> command)
    {
        try
        {
            return await command;
        }
        catch (OperationCanceledException)
        {
            return 130;
        }
        catch (Exception error) when (error is CliException or PipelineException or WireException or ModelException or StoreException or RedisException or RedisTimeoutException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return 1;
        }
    }
}

/// <summary>What went wrong, and what to do about it.</summary>
internal sealed class CliException(string message) : Exception(message);
