using System.Globalization;
using LoraAspire.Runtime.Store;

namespace LoraAspire.AppHost.Redis;

/// <summary>The server's configuration file, readable by its owner alone: the password stands in no command line.</summary>
internal static class RedisConfiguration
{
    /// <returns>The file's path.</returns>
    public static async Task<string> WriteAsync(RedisServerResource redis, string folder, CancellationToken cancellationToken)
    {
        string[] lines =
        [
            "bind 127.0.0.1 -::1",
            "protected-mode yes",
            $"port {redis.PrimaryEndpoint.Port.ToString(CultureInfo.InvariantCulture)}",
            $"dir \"{folder}\"",
            "appendonly yes",
            "appendfsync everysec",
            "save \"\"",
            "daemonize no",
            $"requirepass \"{await redis.Password.GetValueAsync(cancellationToken)}\"",
        ];
        var path = Path.Combine(folder, "redis.conf");
        await PrivateFile.WriteAsync(path, string.Join('\n', lines) + "\n", cancellationToken);
        return path;
    }
}
