using System.CommandLine;
using System.Globalization;
using LoraAspire.Runtime.Store;
using Spectre.Console;

namespace LoraAspire.Cli;

/// <summary>What of the store nobody needs. Runs may go on meanwhile.</summary>
internal static class GcCommand
{
    private const int UsualDays = 30;
    private const int MostDays = 36_500;

    public static Command Create()
    {
        Option<int> days = new("--days")
        {
            Description = "What was used in so many days is kept, and what runs of those days gave",
            DefaultValueFactory = _ => UsualDays
        };
        days.Validators.Add(result =>
        {
            // Asked of the words: of what is no number the value can't be asked for.
            if (result.Tokens is [var given]
                && !(int.TryParse(given.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= MostDays))
            {
                result.AddError($"--days is a number from 0 to {MostDays}");
            }
        });
        Option<bool> delete = new("--delete") { Description = "Remove it; without this nothing is changed" };
        Option<bool> offline =
            new("--offline") { Description = "Don't ask the app for its runs: a run that waits may have to make things again" };
        var json = JsonScreen.Option();
        Command command = new("gc",
            "Show what of the store no run and no cache entry of the last days needs, and remove it with --delete.") { days, delete,
                offline, json };
        command.SetAction(async (parsed, _) =>
        {
            var paths = App.Folders;
            var since = TimeProvider.System.GetUtcNow() - TimeSpan.FromDays(parsed.GetValue(days));
            var needs = parsed.GetValue(offline) ? RunNeeds.Unknown : RunNeeds.Of(await RunsAsync(), since);
            var report =
                new GarbageCollector(paths.Store, TimeProvider.System).Collect(since, needs, paths.ModelLinks, parsed.GetValue(delete));
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new { paths.Store, report.Kept, report.KeptBytes, report.Found, report.Removed, report.InUse });
                return 0;
            }
            Show(report, paths.Store, parsed.GetValue(delete));
            return 0;
        });
        return command;
    }

    /// <exception cref="CliException">No app runs here.</exception>
    private static async Task<IReadOnlyList<Pipelines.Runs.RunState>> RunsAsync()
    {
        try
        {
            return await (await App.ConnectAsync()).ListAsync();
        }
        catch (CliException missing) when (missing.Code == ExitCode.NotRunning)
        {
            throw new CliException($"{App.NotRunning} What its runs need can't be asked; --offline goes by the cache entries alone.",
                missing.Code);
        }
    }

    private static void Show(GarbageReport report, string store, bool delete)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("WHAT", "LAST USED", "SIZE", "WHERE");
        table.Columns[2].RightAligned();
        foreach (var group in report.Found.GroupBy(garbage => garbage.Kind).OrderBy(group => group.Key))
        {
            // One line for each large thing; of the small ones there may be thousands.
            if (group.Key is GarbageKind.Artifact or GarbageKind.Checkpoint or GarbageKind.Scratch)
            {
                foreach (var garbage in group.OrderByDescending(garbage => garbage.Bytes))
                {
                    Row(Name(group.Key, 1), garbage.LastUsed, garbage.Bytes, Path.GetRelativePath(store, garbage.Path));
                }
                continue;
            }
            Row($"{group.Count()} {Name(group.Key, group.Count())}", group.Max(garbage => garbage.LastUsed),
                group.Sum(garbage => garbage.Bytes), "");
        }
        if (report.Found.Count > 0)
        {
            AnsiConsole.Write(table);
        }
        Console.WriteLine($"{store}: {report.Kept} artifacts of {DiskSpace.Words(report.KeptBytes)} are needed.");
        Console.WriteLine(
            report.Found.Count == 0 ? "Nothing else has aged."
            : !delete ? $"{Sum(report.Found)} are not. Nothing was removed: `lora gc --delete` does it."
            : $"{Sum(report.Removed)} were removed{(report.InUse.Count > 0 ? $"; {Sum(report.InUse)} are in use by now and stay" : "")}.");

        void Row(string what, DateTimeOffset used, long bytes, string where) => table.AddRow(
            new Text(what), new Text(used.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)),
            new Text(DiskSpace.Words(bytes)), new Text(where));
    }

    private static string Sum(IReadOnlyList<Garbage> garbage) =>
        $"{garbage.Count} things of {DiskSpace.Words(garbage.Sum(one => one.Bytes))}";

    private static string Name(GarbageKind kind, int count) => kind switch
    {
        GarbageKind.Artifact => "artifact",
        GarbageKind.Checkpoint => "checkpoints",
        GarbageKind.Scratch => "scratch of a run",
        GarbageKind.CacheEntry => count == 1 ? "cache entry" : "cache entries",
        GarbageKind.Quarantine => "damaged, set aside",
        GarbageKind.Explanation => count == 1 ? "explanation" : "explanations",
        GarbageKind.Digest => count == 1 ? "digest of a file that is gone" : "digests of files that are gone",
        _ => count == 1 ? "leftover of a process that died" : "leftovers of processes that died",
    };
}
