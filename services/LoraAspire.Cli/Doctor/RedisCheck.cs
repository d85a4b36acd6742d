using LoraAspire.Machine;
using LoraAspire.Runtime;
using StackExchange.Redis;

namespace LoraAspire.Cli.Doctor;

/// <summary>The Redis that the app runs on, or would, and whether its version is mended.</summary>
internal static class RedisCheck
{
    private const string Name = "Redis";

    public static async Task<Check> LookAsync(AppAddresses? app, CancellationToken cancellationToken)
    {
        if (Environment.GetEnvironmentVariable(App.Connection) is { Length: > 0 } given)
        {
            try
            {
                return await OfServerAsync(given);
            }
            catch (CliException error)
            {
                // A connection string may hold a password, so it isn't repeated.
                return Check.Failure(Name, $"{App.Connection} is set, and nothing answers there: {error.Message}",
                    "start that Redis, or unset the variable to have the app start its own");
            }
        }
        if (app is not null)
        {
            try
            {
                return await OfServerAsync(app.Redis);
            }
            catch (CliException)
            {
                // What a killed app left behind: the program is looked at, as the next start will.
            }
        }
        return RedisServer.Find() is { } program ? await OfProgramAsync(program, cancellationToken)
            : RedisServer.CanBeUnpacked() ? Check.Warning(Name, "no redis-server and no valkey-server on the PATH",
                "nothing, where there is network: the first start unpacks the distribution's package without root. Else install it")
            : Check.Failure(Name, "no redis-server and no valkey-server on the PATH", RedisServer.Advice());
    }

    private static async Task<Check> OfServerAsync(string address)
    {
        await using var connection = await App.RedisAsync(address);
        try
        {
            var told = (await connection.GetServers()[0].InfoRawAsync("server"))?.Split('\n')
                .Select(line => line.Trim().Split(':', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1])
                ?? [];
            return Of(RedisVersion.OfInfo(told), "the one that answers");
        }
        catch (RedisServerException error)
        {
            return Check.Ok(Name, $"it answers, and doesn't tell its version: {error.Message}");
        }
    }

    private static async Task<Check> OfProgramAsync(MachineProgram program, CancellationToken cancellationToken)
    {
        var answer = await AskedProgram.RunAsync(program, ["--version"], cancellationToken);
        return answer.Ok ? Of(RedisVersion.OfProgram(answer.Said), program.Path)
            : Check.Failure(Name, $"{program.Path} doesn't run: {answer.Said}", RedisServer.Advice());
    }

    internal static Check Of(RedisVersion? version, string where) => version is null ? Check.Ok(Name, $"{where}, of an unknown version")
        : version.IsMended ? Check.Ok(Name, $"{version}, {where}")
        : Check.Warning(Name, $"{version}, {where}: older than the release that mends {RedisVersion.Fault}, by which a client that may run "
            + "scripts can take over the server", "a distribution may have mended it under the old number: bring its package up to date "
            + "(apt-get install --only-upgrade redis-server). The app's own Redis listens on loopback, with a password");
}
