using System.Text.RegularExpressions;

namespace LoraAspire.Cli.Doctor;

/// <summary>Which Redis or Valkey, and whether it is one of those with a hole in their scripts.</summary>
internal sealed partial record RedisVersion(bool IsValkey, Version Number)
{
    public const string Fault = "CVE-2025-49844";

    /// <summary>The first release of each line without it; what is newer than the newest line never had it.</summary>
    private static readonly Version[] s_redis = [new(6, 2, 20), new(7, 2, 11), new(7, 4, 6), new(8, 0, 4), new(8, 2, 2)];

    private static readonly Version[] s_valkey = [new(7, 2, 11), new(8, 0, 6), new(8, 1, 4)];

    public bool IsMended
    {
        get
        {
            var lines = IsValkey ? s_valkey : s_redis;
            return Number >= lines[^1]
                || lines.Any(line => (line.Major, line.Minor) == (Number.Major, Number.Minor) && Number >= line);
        }
    }

    /// <summary>Of what <c>redis-server --version</c> says; null where there is no version in it.</summary>
    public static RedisVersion? OfProgram(string said) => Said().Match(said) is { Success: true } match
        && Version.TryParse(match.Groups["number"].Value, out var number)
        ? new(match.Groups["name"].Value.Equals("valkey", StringComparison.OrdinalIgnoreCase), number) : null;

    /// <summary>Of the section <c>server</c> of INFO: Valkey tells the Redis that it is like, and its own number beside.</summary>
    public static RedisVersion? OfInfo(IReadOnlyDictionary<string, string> server) =>
        Version.TryParse(server.GetValueOrDefault("valkey_version"), out var valkey) ? new(true, valkey)
            : Version.TryParse(server.GetValueOrDefault("redis_version"), out var redis) ? new(false, redis) : null;

    public override string ToString() => $"{(IsValkey ? "Valkey" : "Redis")} {Number}";

    [GeneratedRegex(@"(?<name>redis|valkey)\b.*?\bv=(?<number>[0-9]{1,4}(\.[0-9]{1,6}){1,3})", RegexOptions.IgnoreCase)]
    private static partial Regex Said();
}
