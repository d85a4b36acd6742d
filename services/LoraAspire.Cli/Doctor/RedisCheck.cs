using LoraAspire.Machine;
using LoraAspire.Runtime;
using StackExchange.Redis;

namespace LoraAspire.Cli.Doctor;

/// <summary>The Redis that the app runs on, or would, and whether its version is mended.</summary>
internal static class RedisCheck
{
    public const string Name = "Redis";

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
                return error.Code == ExitCode.NotRunning
                    ? Check.Failure(Name, $"{App.Connection} is set, and nothing answers there",
                        "start that Redis, or unset the variable to have the app start its own")
                    : Check.Failure(Name, $"{App.Connection} is set. {error.Message}",
                        "mend the variable, or unset it to have the app start its own Redis");
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
        await using var connection = await App.RedisAsync(address, settings => settings.AllowAdmin = true);
        try
        {
            // The client lets INFO through in its admin mode only.
            var told = ((string?)await connection.GetDatabase().ExecuteAsync("INFO", "server"))?.Split('\n')
                .Select(line => line.Trim().Split(':', 2)).Where(pair => pair.Length == 2).GroupBy(pair => pair[0], pair => pair[1])
                .ToDictionary(group => group.Key, group => group.Last()) ?? [];
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
        return answer.Ok ? Of(RedisVersion.OfProgram(answer.Said), program.Path, UnpackedInto(program))
            : Check.Failure(Name, $"{program.Path} doesn't run: {answer.Said}", RedisServer.Advice());
    }

    /// <summary>The folder of the app's own copy of the distribution's package; null of an installed program.</summary>
    private static string? UnpackedInto(MachineProgram program)
    {
        const string inside = "/usr/bin/redis-server";
        return MachineProgram.OnPath("redis-server", "valkey-server") is null && program.Path.EndsWith(inside, StringComparison.Ordinal)
            ? program.Path[..^inside.Length] : null;
    }

    /// <param name="unpacked">The folder that the app unpacked it into; null where it didn't.</param>
    internal static Check Of(RedisVersion? version, string where, string? unpacked = null) =>
        version is null ? Check.Ok(Name, $"{where}, of an unknown version")
        : version.IsMended ? Check.Ok(Name, $"{version}, {where}")
        : Check.Warning(Name, $"{version}, {where}: older than the release that mends {RedisVersion.Fault}, by which a client that may run "
            + "scripts can take over the server", (unpacked is null
                ? "a distribution may have mended it under the old number: bring its package up to date (apt-get install --only-upgrade "
                    + "redis-server)" : $"delete {unpacked}: the next start unpacks the distribution's newest")
            + ". The app's own Redis listens on loopback, with a password");
}
