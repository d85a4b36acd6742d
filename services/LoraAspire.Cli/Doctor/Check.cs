namespace LoraAspire.Cli.Doctor;

/// <summary>What one look at the machine found.</summary>
/// <param name="Name">What was looked at.</param>
/// <param name="Remedy">What to do; null where nothing is wrong.</param>
internal sealed record Check(string Name, Health Health, string Found, string? Remedy)
{
    public static Check Ok(string name, string found) => new(name, Health.Ok, found, null);

    public static Check Warning(string name, string found, string remedy) => new(name, Health.Warning, found, remedy);

    public static Check Failure(string name, string found, string remedy) => new(name, Health.Failure, found, remedy);

    /// <summary>What can't be looked at is a failure of its own; the others are looked at all the same.</summary>
    public static async Task<IReadOnlyList<Check>> GuardedAsync(string name, Func<Task<IReadOnlyList<Check>>> look)
    {
        try
        {
            return await look();
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            return [Failure(name, $"it can't be looked at: {error.Message}", "mend what this line names, or report it")];
        }
    }

    public static Task<IReadOnlyList<Check>> GuardedAsync(string name, Func<Check> look) =>
        GuardedAsync(name, () => Task.FromResult<IReadOnlyList<Check>>([look()]));
}

/// <summary>With a warning the app runs, though not as well as it could; with a failure it doesn't.</summary>
internal enum Health { Ok, Warning, Failure }
