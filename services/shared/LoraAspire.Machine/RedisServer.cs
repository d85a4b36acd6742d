namespace LoraAspire.Machine;

/// <summary>A redis-server (or valkey-server) for this machine.</summary>
public static class RedisServer
{
    /// <summary>
    /// The one on the PATH, else the one unpacked earlier, else the distribution's own package unpacked into the user's cache,
    /// without root.
    /// </summary>
    /// <param name="say">Told before what takes seconds.</param>
    /// <exception cref="MachineException">None can be had; the message says what to do.</exception>
    public static async Task<MachineProgram> FindOrUnpackAsync(Action<string> say, CancellationToken cancellationToken = default)
    {
        if (MachineProgram.OnPath("redis-server", "valkey-server") is { } present)
        {
            return present;
        }
        try
        {
            // Debian keeps the executable in redis-tools, and redis-server is a link to it.
            return await new DebianPackage("redis-server", "usr/bin/redis-server", ["redis-tools"]).UnpackAsync(say, cancellationToken);
        }
        catch (MachineException missing)
        {
            throw new MachineException($"No Redis: neither redis-server nor valkey-server is on the PATH. {missing.Message} {Advice()}",
                missing);
        }
    }

    private static string Advice() =>
        (OperatingSystem.IsMacOS() ? "Install it: brew install redis. " : OperatingSystem.IsWindows()
            ? "Redis does not run on Windows itself: start one in WSL or in a container. " : "Install redis-server. ")
        + "Or give a running one as ConnectionStrings__redis=host:port,password=..., or set LORA_REDIS=container to have one started in "
        + "a container.";
}
