namespace LoraAspire.Machine;

/// <summary>A redis-server (or valkey-server) for this machine.</summary>
public static class RedisServer
{
    // Debian keeps the executable in redis-tools, and redis-server is a link to it.
    private static readonly DebianPackage s_package = new("redis-server", "usr/bin/redis-server", ["redis-tools"]);

    /// <summary>The one on the PATH, else the one unpacked earlier; null where there is neither.</summary>
    public static MachineProgram? Find() => MachineProgram.OnPath("redis-server", "valkey-server") ?? s_package.Unpacked();

    /// <summary>Whether one can be unpacked where none is: by this system's apt.</summary>
    public static bool CanBeUnpacked() => MachineProgram.OnPath("apt-get") is not null && MachineProgram.OnPath("dpkg") is not null;

    /// <summary>
    /// The one on the PATH, else the one unpacked earlier, else the distribution's own package unpacked into the user's cache,
    /// without root.
    /// </summary>
    /// <param name="say">Told before what takes seconds.</param>
    /// <exception cref="MachineException">None can be had; the message says what to do.</exception>
    public static async Task<MachineProgram> FindOrUnpackAsync(Action<string> say, CancellationToken cancellationToken = default)
    {
        if (Find() is { } present)
        {
            return present;
        }
        try
        {
            return await s_package.UnpackAsync(say, cancellationToken);
        }
        catch (MachineException missing)
        {
            throw new MachineException($"No Redis: neither redis-server nor valkey-server is on the PATH. {missing.Message} {Advice()}",
                missing);
        }
    }

    /// <summary>How one is had, in words.</summary>
    public static string Advice() =>
        (OperatingSystem.IsMacOS() ? "Install it: brew install redis. " : OperatingSystem.IsWindows()
            ? "Redis does not run on Windows itself: start one in WSL or in a container. " : "Install redis-server. ")
        + "Or give a running one as ConnectionStrings__redis=host:port,password=..., or set LORA_REDIS=container to have one started in "
        + "a container.";
}
