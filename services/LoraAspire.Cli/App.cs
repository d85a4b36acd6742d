using LoraAspire.Runtime;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Cli;

/// <summary>The running app, found through ConnectionStrings__redis or the file that the AppHost leaves in its state folder.</summary>
internal sealed record App(string Redis, string? Chat)
{
    /// <summary>Where the command is a tool, and the user stands in no checkout, also which folder it would need.</summary>
    internal static string NotRunning => "LoraAspire is not running here. Start it with `dotnet run --project LoraAspire.AppHost` and try "
        + "again, or set ConnectionStrings__redis." + (LoraPaths.Checkout() is null
            ? $" It was looked for in {Folders.State}: no checkout is at or above this folder, so LORA_STATE has to name the app's." : "");

    public const string Connection = "ConnectionStrings__redis";

    public static LoraPaths Folders => LoraPaths.FromEnvironment();

    /// <exception cref="CliException">No app runs here.</exception>
    public static App Find()
    {
        var left = AppAddresses.Read(Folders.State);
        var redis = Environment.GetEnvironmentVariable(Connection) ?? left?.Redis;
        return redis is null ? throw new CliException(NotRunning, ExitCode.NotRunning) : new(redis, left?.Chat);
    }

    /// <exception cref="CliException">Redis does not answer.</exception>
    public static async Task<RunClient> ConnectAsync() => new(await RedisAsync(Find().Redis), new StreamSettings());

    /// <exception cref="CliException">It does not answer.</exception>
    public static async Task<IConnectionMultiplexer> RedisAsync(string address)
    {
        var settings = Settings(address);
        (settings.ConnectTimeout, settings.ConnectRetry) = (3000, 1);
        try
        {
            return await ConnectionMultiplexer.ConnectAsync(settings);
        }
        catch (RedisConnectionException error)
        {
            throw error.FailureType == ConnectionFailureType.AuthenticationFailure
                ? new CliException($"Redis refuses the password: {error.Message} Was the app started again meanwhile?")
                : new CliException(NotRunning, ExitCode.NotRunning);
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

/// <summary>What went wrong, and what to do about it.</summary>
internal sealed class CliException(string message, ExitCode code = ExitCode.Failed) : Exception(message)
{
    public ExitCode Code => code;
}
