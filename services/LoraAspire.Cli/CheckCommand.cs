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
        var command = new Command("check",
            "Check pipelines, and that the files and models they name are there, without running them; shows every error at "
                + "once.") { files };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var wrong = 0;
            ContentDigests content = new(App.Folders);
            foreach (var file in parsed.GetRequiredValue(files))
            {
                var result = PipelineParser.Parse(await PipelineFile.ReadAsync(file, cancellationToken), file, content.References);
                foreach (var note in result.Notes)
                {
                    Console.WriteLine($"{note.File}:{note.Line}:{note.Column}: note: {note.Message}");
                }
                var errors = result.Errors;
                if (result.Pipeline is not null)
                {
                    (errors, var notes) = await StageOutlooks.OfAsync(result, cancellationToken);
                    foreach (var note in notes)
                    {
                        Console.WriteLine($"{file}: note: {note}");
                    }
                }
                foreach (var error in errors)
                {
                    Console.Error.WriteLine($"{error.File}:{error.Line}:{error.Column}: error: {error.Message}");
                }
                Console.WriteLine(result.Pipeline is { } pipeline && errors.Count == 0
                    ? $"{file}: ok: {pipeline.Name}, {string.Join(" → ", pipeline.Stages.Select(stage => stage.Id))}"
                    : $"{file}: {errors.Count} error{(errors.Count == 1 ? "" : "s")}");
                wrong += errors.Count;
            }
            return wrong == 0 ? 0 : 1;
        });
        return command;
    }
}
