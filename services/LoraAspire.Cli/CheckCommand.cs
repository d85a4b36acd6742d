using System.CommandLine;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli;

/// <summary>Validates without running: needs neither Redis nor the app.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("file") { Description = "Pipeline files", Arity = ArgumentArity.OneOrMore };
        var json = JsonScreen.Option();
        var command = new Command("check",
            "Check pipelines, and that the files and models they name are there, without running them; shows every error at "
                + "once.") { files, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var wrong = 0;
            List<object> told = [];
            foreach (var file in parsed.GetRequiredValue(files))
            {
                var (result, errors, notes) = await LookAsync(await PipelineFile.ReadAsync(file, cancellationToken), file,
                    cancellationToken);
                wrong += errors.Count;
                if (parsed.GetValue(json))
                {
                    told.Add(Json(result, errors, notes));
                }
                else
                {
                    Show(result, errors, notes);
                }
            }
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(told);
            }
            return (int)(wrong == 0 ? ExitCode.Done : ExitCode.Invalid);
        });
        return command;
    }

    /// <summary>The parser's errors, or where it has none those of the stages' own programs.</summary>
    public static async Task<(ParsedPipeline Result, IReadOnlyList<Diagnostic> Errors, IReadOnlyList<string> Notes)> LookAsync(string yaml,
        string file, CancellationToken cancellationToken)
    {
        var result = PipelineParser.Parse(yaml, file, new ContentDigests(App.Folders).References);
        if (result.Pipeline is null)
        {
            return (result, result.Errors, []);
        }
        var (errors, notes) = await StageOutlooks.OfAsync(result, cancellationToken);
        return (result, errors, notes);
    }

    private static void Show(ParsedPipeline result, IReadOnlyList<Diagnostic> errors, IReadOnlyList<string> notes)
    {
        var file = result.File;
        foreach (var note in result.Notes)
        {
            Console.WriteLine($"{note.File}:{note.Line}:{note.Column}: note: {note.Message}");
        }
        foreach (var note in notes)
        {
            Console.WriteLine($"{file}: note: {note}");
        }
        foreach (var error in errors)
        {
            Console.Error.WriteLine($"{error.File}:{error.Line}:{error.Column}: error: {error.Message}");
        }
        Console.WriteLine(result.Pipeline is { } pipeline && errors.Count == 0
            ? $"{file}: ok: {pipeline.Name}, {string.Join(" → ", pipeline.Stages.Select(stage => stage.Id))}"
            : $"{file}: {errors.Count} error{(errors.Count == 1 ? "" : "s")}");
    }

    public static object Json(ParsedPipeline result, IReadOnlyList<Diagnostic> errors, IReadOnlyList<string> notes) => new
    {
        result.File,
        pipeline = result.Pipeline?.Name,
        stages = result.Pipeline?.Stages.Select(stage => stage.Id),
        errors = errors.Select(error => new { error.Line, error.Column, error.Message }),
        notes = result.Notes.Select(note => note.Message).Concat(notes),
    };
}
