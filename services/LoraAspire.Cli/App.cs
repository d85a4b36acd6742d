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

    /// <summary>One connection for the whole process: `lora mcp` lives for hours, and each of its tools asks for it.</summary>
    private static readonly SemaphoreSlim s_opening = new(1);

    private static (string Address, IConnectionMultiplexer Connection)? s_open;

    public static LoraPaths Folders => LoraPaths.FromEnvironment();

    /// <exception cref="CliException">No app runs here.</exception>
    public static App Find()
    {
        var left = AppAddresses.Read(Folders.State);
        var redis = Environment.GetEnvironmentVariable(Connection) is { Length: > 0 } given ? given : left?.Redis;
        return redis is null ? throw new CliException(NotRunning, ExitCode.NotRunning) : new(redis, left?.Chat);
    }

    /// <exception cref="CliException">Redis does not answer.</exception>
    public static async Task<RunClient> ConnectAsync() => new(await SharedAsync(Find().Redis), new StreamSettings());

    /// <summary>The one that is open; another where the app was started again elsewhere.</summary>
    private static async Task<IConnectionMultiplexer> SharedAsync(string address)
    {
        await s_opening.WaitAsync();
        try
        {
            if (s_open is { } open && open.Address == address)
            {
                // It connects again by itself, once there is something to connect to.
                return open.Connection.IsConnected ? open.Connection : throw new CliException(NotRunning, ExitCode.NotRunning);
            }
            var connection = await RedisAsync(address);
            if (s_open is { } old)
            {
                await old.Connection.DisposeAsync();
            }
            s_open = (address, connection);
            return connection;
        }
        finally
        {
            s_opening.Release();
        }
    }

    /// <summary>A new connection, which is the caller's.</summary>
    /// <exception cref="CliException">The address can't be read, Redis refuses the password, or nothing answers (NotRunning).</exception>
    public static async Task<IConnectionMultiplexer> RedisAsync(string address, Action<ConfigurationOptions>? set = null)
    {
        var settings = Settings(address);
        set?.Invoke(settings);
        (settings.ConnectTimeout, settings.ConnectRetry) = (3000, 1);
        try
        {
            return await ConnectionMultiplexer.ConnectAsync(settings);
        }
        catch (RedisConnectionException error)
        {
            throw error.FailureType == ConnectionFailureType.AuthenticationFailure
                ? new CliException("Redis refuses the password: was the app started again meanwhile?")
                : new CliException(NotRunning, ExitCode.NotRunning);
        }
        catch (ArgumentException)
        {
            throw Unreadable();
        }
    }

    /// <exception cref="CliException">It is no connection string.</exception>
    private static ConfigurationOptions Settings(string redis)
    {
        try
        {
            return ConfigurationOptions.Parse(redis);
        }
        catch (ArgumentException)
        {
            throw Unreadable();
        }
    }

    /// <summary>The library's own words may repeat a part of the password.</summary>
    private static CliException Unreadable() =>
        new($"The address of Redis, in {Connection} or in what the AppHost left, can't be read: it has the form host:port,password=WORD.");
}

/// <summary>What went wrong, and what to do about it.</summary>
internal sealed class CliException(string message, ExitCode code = ExitCode.Failed) : Exception(message)
{
    public ExitCode Code => code;
}
