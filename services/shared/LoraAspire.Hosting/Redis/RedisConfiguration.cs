using System.Globalization;
using Aspire.Hosting.ApplicationModel;

namespace LoraAspire.Hosting.Redis;

/// <summary>The server's configuration file, readable by its owner alone: the password stands in no command line.</summary>
internal static class RedisConfiguration
{
    /// <returns>The file's path.</returns>
    public static async Task<string> WriteAsync(RedisResource redis, string folder, CancellationToken cancellationToken)
    {
        var lines = new List<string>
        {
            "bind 127.0.0.1 -::1",
            "protected-mode yes",
            $"port {redis.PrimaryEndpoint.Port.ToString(CultureInfo.InvariantCulture)}",
            $"dir \"{folder}\"",
            "appendonly yes",
            "appendfsync everysec",
            "daemonize no",
            redis.Annotations.OfType<PersistenceAnnotation>().LastOrDefault() is { } snapshot
                ? string.Create(CultureInfo.InvariantCulture, $"save {(int)(snapshot.Interval ?? TimeSpan.FromMinutes(1)).TotalSeconds} {snapshot.KeysChangedThreshold}")
                : "save \"\"",
        };
        if (redis.PasswordParameter is { } password)
        {
            lines.Add($"requirepass \"{await password.GetValueAsync(cancellationToken)}\"");
        }
        var path = Path.Combine(folder, "redis.conf");
        File.Delete(path);
        await using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        await using var writer = new StreamWriter(file);
        await writer.WriteAsync(string.Join('\n', lines) + "\n");
        return path;
    }
}
