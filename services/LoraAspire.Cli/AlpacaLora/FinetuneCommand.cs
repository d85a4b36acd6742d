using System.CommandLine;
using LoraAspire.Cli.RunCommands;
using LoraAspire.Pipelines;
using LoraAspire.Runtime;

namespace LoraAspire.Cli.AlpacaLora;

/// <summary>alpaca-lora's finetune.py: its flags become a pipeline, which is kept as a file and run.</summary>
internal static class FinetuneCommand
{
    public static Command Create()
    {
        Option<string?> file = new("--yaml")
        {
            Description = "File that takes the pipeline (default: pipelines/NAME.yaml, by the last part of --output_dir)",
        };
        Option<bool> force = new("--force") { Description = "Write over another file of that name" };
        Option<bool> dry = new("--dry-run") { Description = "Write the pipeline, don't run it" };
        var follow = RunCommand.Follow();
        Command command = new("finetune",
            "Train as alpaca-lora's finetune.py does: writes the pipeline that its flags mean, and runs it. Flags: "
            + string.Join(", ", FinetuneFlags.Own.Select(flag => "--" + flag))
            + "; and every plain setting of data-build and trainer under its name, as --lr_scheduler_type cosine.")
        {
            file, force, dry, follow,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var folders = App.Folders;
            var flags = FireArguments.Read(parsed.UnmatchedTokens, FinetuneFlags.Known);
            var target = parsed.GetValue(file);
            var pipeline = FinetunePipeline.Of(flags, NameOf(target), folders);
            var path = target ?? Path.Combine(LoraPaths.Checkout() ?? Environment.CurrentDirectory, "pipelines", pipeline.Name + ".yaml");
            foreach (var note in pipeline.Notes)
            {
                await Console.Error.WriteLineAsync(note);
            }
            PipelineTarget.Check(pipeline.Yaml, path, folders);
            await PipelineTarget.WriteAsync(path, pipeline.Yaml, parsed.GetValue(force), cancellationToken);
            await Console.Error.WriteLineAsync($"wrote {path}");
            return parsed.GetValue(dry) ? 0
                : await RunCommand.SubmitAsync(await App.ConnectAsync(), pipeline.Yaml, path, parsed.GetValue(follow), cancellationToken);
        });
        return command;
    }

    private static string? NameOf(string? file) =>
        Path.GetFileNameWithoutExtension(file) is { } name && Identifiers.IsPipeline(name) ? name : null;
}
