using System.CommandLine;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Cli.RunCommands;

/// <summary>Why each stage of a run ran, or was taken from the cache: what the coordinator noted when it decided.</summary>
internal static class ExplainCommand
{
    public static Command Create()
    {
        var name = NamedRun.Argument();
        Argument<string?> id = new("stage")
        {
            Description = "Only this stage",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<bool> json = JsonScreen.Option();
        Command command = new("explain", "Tell why the stages of a run ran, or were taken from the cache.") { name, id, json };
        command.SetAction(async (parsed, _) =>
        {
            var run = await NamedRun.FindAsync(await App.ConnectAsync(), parsed.GetRequiredValue(name));
            var told = Stages(run, parsed.GetValue(id));
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(Json(told));
                return 0;
            }
            told.ForEach(stage => Console.WriteLine($"{stage.Id}: {StageExplanation.Of(stage)}"));
            if (told.Count == 0)
            {
                Console.WriteLine(run.Error ?? "No stage was planned yet.");
            }
            return 0;
        });
        return command;
    }

    /// <exception cref="CliException">There is no such stage.</exception>
    public static List<StageState> Stages(RunState run, string? only) => only is null || run.Stage(only) is not null
        ? [.. run.Stages.Where(stage => only is null || stage.Id == only)]
        : throw new CliException($"Run {run.Id} has no stage '{Identifiers.Shown(only)}': "
            + Suggestion.For(only, run.Stages.Select(stage => stage.Id)), ExitCode.NotFound);

    public static object Json(IEnumerable<StageState> stages) =>
        stages.Select(stage => new { stage.Id, stage.Cached, stage.Key, explanation = StageExplanation.Of(stage) });
}
