using LoraAspire.Model;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Cli;

/// <summary>The running app, found through ConnectionStrings__redis or the file that the AppHost leaves in its state folder.</summary>
internal sealed record App(string Redis, string? Lab, string? Chat)
{
    internal const string NotRunning = "LoraAspire is not running here. Start it with `dotnet run --project LoraAspire.AppHost` and try again, or set ConnectionStrings__redis.";

    private const string Connection = "ConnectionStrings__redis";

    public static LoraPaths Folders => LoraPaths.FromEnvironment();

    /// <exception cref="CliException">No app runs here.</exception>
    public static App Find()
    {
        var left = AppAddresses.Read(Folders.State);
        var redis = Environment.GetEnvironmentVariable(Connection) ?? left?.Redis;
        return redis is null ? throw new CliException(NotRunning) : new(redis, left?.Lab, left?.Chat);
    }

    /// <exception cref="CliException">Redis does not answer.</exception>
    public static async Task<RunClient> ConnectAsync()
    {
        var settings = Settings(Find().Redis);
        (settings.ConnectTimeout, settings.ConnectRetry) = (3000, 1);
        try
        {
            return new(await ConnectionMultiplexer.ConnectAsync(settings), new StreamSettings());
        }
        catch (RedisConnectionException error)
        {
            throw new CliException(error.FailureType == ConnectionFailureType.AuthenticationFailure
                ? $"Redis refuses the password: {error.Message} Was the app started again meanwhile?" : NotRunning);
        }
    }

    /// <exception cref="CliException">It is no connection string.</exception>
    private static ConfigurationOptions Settings(string redis)
    {
        try
        {
            return ConfigurationOptions.Parse(redis);
        }
        catch (ArgumentException error)
        {
            throw new CliException($"The address of Redis, in {Connection} or in what the AppHost left, can't be read: {error.Message}");
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
        catch (Exception error) when (error is CliException or PipelineException or MessageFormatException or ModelException or StoreException or RedisException or RedisTimeoutException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return 1;
        }
    }
}

/// <summary>What went wrong, and what to do about it.</summary>
internal sealed class CliException(string message) : Exception(message);
