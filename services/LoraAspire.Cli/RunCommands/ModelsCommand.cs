using System.CommandLine;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Store;
using Spectre.Console;

namespace LoraAspire.Cli.RunCommands;

/// <summary>The models that pipelines made and that are served. Only for their bases the app is asked, where it runs.</summary>
internal static class ModelsCommand
{
    /// <param name="Where">The model's folder; null where nothing is there any more.</param>
    /// <param name="Base">Null where it isn't known: the app doesn't run, or has forgotten the run.</param>
    private sealed record Made(string Name, string? Where, string? Base, DateTimeOffset? When, bool Served);

    public static Command Create()
    {
        Option<bool> json = JsonScreen.Option();
        Command command = new("models", "List the newest model of each pipeline, and what the chat service has by name.") { json };
        command.SetAction(async (parsed, _) =>
        {
            var models = Find(App.Folders, await RunsAsync());
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(models);
                return 0;
            }
            var table = new Table().Border(TableBorder.None).AddColumns("MODEL", "MADE", "SERVED", "BASE", "WHERE");
            foreach (var model in models)
            {
                table.AddRow(new Text(model.Name), new Text(RunText.At(model.When)), new Text(model.Served ? "yes" : "no"),
                    new Text(model.Base ?? RunText.None), new Text(model.Where ?? "gone: run the pipeline again"));
            }
            AnsiConsole.Write(table);
            return 0;
        });
        return command;
    }

    private static async Task<IReadOnlyList<RunState>> RunsAsync()
    {
        try
        {
            return await (await App.ConnectAsync()).ListAsync(RunsCommand.MostShown);
        }
        catch (CliException missing) when (missing.Code == ExitCode.NotRunning)
        {
            return [];
        }
    }

    /// <summary>The links, and each name that is served and isn't just such a link; the newest first.</summary>
    private static List<Made> Find(LoraPaths folders, IReadOnlyList<RunState> runs)
    {
        var served = new Deployments(folders.Store).List()
            .Select(one => (one.Name, Folder: Path.GetFullPath(Path.Combine(folders.Store, one.Adapter ?? one.Folder)), one.Created))
            .ToList();
        // A link to what is gone is no folder.
        var linked = (Directory.Exists(folders.ModelLinks) ? new DirectoryInfo(folders.ModelLinks).GetFileSystemInfos() : [])
            .Where(link => link.LinkTarget is not null)
            .Select(link => (link.Name, Folder: Path.GetFullPath(Path.Combine(folders.ModelLinks, link.LinkTarget!)))).ToList();
        return
        [
            .. linked.Select(link => Of(link.Name, link.Folder, null, served.Exists(one => one.Folder == link.Folder), runs))
                .Concat(served.Where(one => !linked.Contains((one.Name, one.Folder)))
                    .Select(one => Of(one.Name, one.Folder, one.Created, true, runs)))
                .OrderByDescending(model => model.When),
        ];
    }

    private static Made Of(string name, string folder, DateTimeOffset? when, bool served, IReadOnlyList<RunState> runs)
    {
        FileInfo manifest = new(Path.Combine(folder, Manifest.FileName));
        return new(name, Directory.Exists(folder) ? folder : null, Base(Path.GetFileName(folder), runs),
            when ?? (manifest.Exists ? manifest.LastWriteTimeUtc : Directory.Exists(folder) ? Directory.GetLastWriteTimeUtc(folder) : null),
            served);
    }

    private static string? Base(string digest, IReadOnlyList<RunState> runs) =>
        runs.SelectMany(run => run.Stages).FirstOrDefault(stage => stage.Outputs.Values.Contains(digest))?.Source("base") switch
        {
            NamedModel named => named.Name,
            StageOutput output => output.ToString(),
            _ => null,
        };
}
