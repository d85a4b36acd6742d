using System.CommandLine;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.Cli.RunCommands;

/// <summary>From what a user types to a run: its id, the beginning of that or of its last part, or <c>latest</c>.</summary>
internal static class NamedRun
{
    public const string Latest = "latest";
    private const int MostShown = 8;

    public static Argument<string> Argument() => new("run") { Description = Form };

    public static string Form => "Run id as `lora runs` shows it, the beginning of it or of its last part, or `latest`";

    /// <exception cref="CliException">There is no such run, or more than one.</exception>
    public static async Task<RunState> FindAsync(RunClient runs, string name)
    {
        var ids = await runs.IdsAsync();
        var meant = ids.Contains(name) ? [name]
            : name == Latest ? ids.Take(1).ToList()
            : name == "" ? [] : ids.Where(id => Begins(id, name)).ToList();
        if (meant.Count > 1)
        {
            throw new CliException($"'{name}' may be {meant.Count} runs: {string.Join(", ", meant.Take(MostShown))}"
                + $"{(meant.Count > MostShown ? ", …" : "")}. Give more of the id.", ExitCode.Usage);
        }
        // One that was submitted a moment ago stands in no list yet, and an entry of the list may outlive its run.
        var id = meant.FirstOrDefault() ?? name;
        return (Identifiers.IsRun(id) ? await runs.GetAsync(id) : null) ?? throw new CliException(
            name == Latest && ids.Count == 0 ? "There is no run yet. `lora run FILE` submits one."
                : $"No run '{Identifiers.Shown(name)}'. `lora runs` lists them.", ExitCode.NotFound);
    }

    /// <summary>Of a word that may mean something else than a run as well, once it has turned out that it doesn't.</summary>
    /// <param name="not">What it isn't, in words.</param>
    /// <exception cref="CliException">There is no such run either, or no app runs that could know it.</exception>
    public static async Task<RunState> InsteadAsync(string given, string not)
    {
        try
        {
            return await FindAsync(await App.ConnectAsync(), given);
        }
        catch (CliException missing) when (missing.Code is ExitCode.NotFound or ExitCode.NotRunning)
        {
            throw new CliException($"'{Identifiers.Shown(given)}' is {not}, so it could be a run. {missing.Message}", missing.Code);
        }
    }

    private static bool Begins(string id, string name) =>
        id.StartsWith(name, StringComparison.Ordinal) || id[(id.LastIndexOf('-') + 1)..].StartsWith(name, StringComparison.Ordinal);
}
