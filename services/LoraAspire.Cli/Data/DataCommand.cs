using System.CommandLine;
using LoraAspire.Model.Data;

namespace LoraAspire.Cli.Data;

/// <summary>What a model is going to learn, seen before it does. A folder or a digest needs neither Redis nor the app.</summary>
internal static class DataCommand
{
    public static Command Create() =>
        new("data", "Look into a data set: its rows, its tokens, which of them carry loss.") { Inspect(), Stats() };

    private static Command Inspect()
    {
        var (where, stage) = (Where(), Stage());
        var row = new Option<int?>("--row") { Description = "This row, from 0" };
        var random = new Option<int?>("--random") { Description = "So many rows at random (default: 3, when nothing else is asked for)" };
        var seed =
            new Option<int>("--seed") { Description = "Other rows at random; the same seed shows the same", DefaultValueFactory = _ => 0 };
        var find = new Option<string?>("--find") { Description = "Rows whose text holds this, upper and lower case alike" };
        var source = new Option<string?>("--source") { Description = "Rows of this source, as `lora data stats` names it" };
        var limit = new Option<int?>("--limit") { Description = "Rows that --find and --source show at most (default: 5)" };
        var tokens = new Option<bool>("--tokens") { Description = "Each token with its position, id, piece, and whether it carries loss" };
        var json = JsonScreen.Option();
        var command = new Command("inspect", "Show rows as the model is taught them: what it reads, and what it learns to say.") { where,
            stage, row, random, seed, find, source, limit, tokens, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(row) is not null
                && (parsed.GetValue(random) is not null || parsed.GetValue(find) is not null || parsed.GetValue(source) is not null))
            {
                throw new CliException("--row names one row: leave out --random, --find and --source.", ExitCode.Usage);
            }
            if (parsed.GetValue(random) is < 1 || parsed.GetValue(limit) is < 1)
            {
                throw new CliException("--random and --limit take whole numbers from 1.", ExitCode.Usage);
            }
            using var folder = DatasetFolder.Open(await DatasetPlace.FindAsync(parsed.GetRequiredValue(where), parsed.GetValue(stage)));
            if (parsed.GetValue(row) is { } asked && folder.Missing(asked) is { } words)
            {
                throw new CliException(words, ExitCode.Usage);
            }
            RowFilter filter = new(parsed.GetValue(find), parsed.GetValue(source));
            RefuseUnknown(filter.Source, folder.Facts);
            var shown = parsed.GetValue(row) is { } one ? [one]
                : parsed.GetValue(random) is null && !filter.TakesAll
                ? [.. folder.Matching(filter, cancellationToken).Take(parsed.GetValue(limit) ?? 5)]
                : folder.Draw(filter, parsed.GetValue(random) ?? 3, new Random(parsed.GetValue(seed)), cancellationToken);
            if (shown.Count == 0)
            {
                throw new CliException($"No row matches; {folder.Rows.Count} were looked at.");
            }
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(shown.Select(number => RowJson.Of(folder.Inspect(number), parsed.GetValue(tokens))));
                return 0;
            }
            foreach (var number in shown)
            {
                RowScreen.Write(folder.Inspect(number), folder.Rows.Count, parsed.GetValue(tokens));
            }
            RowScreen.WriteLegend(parsed.GetValue(tokens));
            return 0;
        });
        return command;
    }

    private static Command Stats()
    {
        var (where, stage) = (Where(), Stage());
        var json = JsonScreen.Option();
        var command = new Command("stats",
            "Show what is in a data set: counts by source, what was dropped and why, how long the rows are.") { where, stage, json };
        command.SetAction(async (parsed, _) =>
        {
            var facts = DatasetFacts.Read(await DatasetPlace.FindAsync(parsed.GetRequiredValue(where), parsed.GetValue(stage)));
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(facts);
                return 0;
            }
            StatsScreen.Write(facts);
            return 0;
        });
        return command;
    }

    private static Argument<string> Where() => new("where")
    {
        Description =
            "Run (its id, the beginning of it, or `latest`), digest of the artifact (eight letters of it are enough), or folder that "
                + "holds dataset.arrow",
    };

    private static Option<string?> Stage() =>
        new("--stage") { Description = "The stage of the run that made it (default: the only one that made a data set)" };

    private static void RefuseUnknown(string? source, DatasetFacts facts)
    {
        if (source is not null && !facts.Sources.ContainsKey(source))
        {
            throw new CliException(
                $"No source '{source}'. The data set has: {string.Join(", ", facts.Sources.Keys.Select(VisibleText.Marked))}.",
                ExitCode.NotFound);
        }
    }
}
