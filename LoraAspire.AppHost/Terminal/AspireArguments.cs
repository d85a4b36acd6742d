namespace LoraAspire.AppHost.Terminal;

/// <summary>Which arguments are Aspire's. Only known ones: a mistyped option of ours must stay an error.</summary>
internal static class AspireArguments
{
    private static readonly HashSet<string> s_known = new(StringComparer.OrdinalIgnoreCase)
    {
        "--operation", "--publisher", "--output-path", "--step", "--deploy", "--log-level", "--clear-cache", "--include-exception-details",
        "--environment",
        "--contentroot", "--applicationname", "--list-steps",
    };

    public static (string[] Own, string[] Aspire) Split(string[] args)
    {
        var (own, aspire) = (new List<string>(), new List<string>());
        for (var i = 0; i < args.Length; i++)
        {
            if (!IsAspires(args[i]))
            {
                own.Add(args[i]);
                continue;
            }
            aspire.Add(args[i]);
            if (!args[i].Contains('=', StringComparison.Ordinal) && i + 1 < args.Length && !args[i + 1].StartsWith('-'))
            {
                aspire.Add(args[++i]);
            }
        }
        return ([.. own], [.. aspire]);
    }

    /// <summary>Whether they ask for a manifest instead of a running app.</summary>
    public static bool Publishes(string[] aspire) =>
        aspire.Any(argument => argument.StartsWith("--publisher", StringComparison.OrdinalIgnoreCase)
            || argument.Equals("publish", StringComparison.OrdinalIgnoreCase)
            || argument.EndsWith("=publish", StringComparison.OrdinalIgnoreCase));

    // A key with a colon is a section of Aspire's configuration, such as DcpPublisher:RandomizePorts=true.
    private static bool IsAspires(string argument)
    {
        var name = argument.Split('=', 2)[0];
        return s_known.Contains(name)
            || (!File.Exists(argument) && name.Contains(':', StringComparison.Ordinal) && argument.Contains('=', StringComparison.Ordinal));
    }
}
