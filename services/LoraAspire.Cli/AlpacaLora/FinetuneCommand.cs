using System.CommandLine;
using LoraAspire.Cli.RunCommands;

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
        Option<bool> dry = new("--dry-run") { Description = "Print the pipeline, write and run nothing" };
        var follow = RunCommand.Follow();
        var json = JsonScreen.Option();
        Command command = new("finetune",
            "Train as alpaca-lora's finetune.py does: writes the pipeline that its flags mean, and runs it. Flags: "
            + string.Join(", ", FinetuneFlags.Own.Select(flag => "--" + flag))
            + "; and every plain setting of data-build and trainer under its name, as --lr_scheduler_type cosine.")
        {
            file, force, dry, follow, json,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var folders = App.Folders;
            var flags = FireArguments.Read(parsed.UnmatchedTokens, FinetuneFlags.Known);
            var target = parsed.GetValue(file);
            var pipeline = FinetunePipeline.Of(flags, PipelineTarget.NameOf(target), folders);
            foreach (var note in pipeline.Notes)
            {
                await Console.Error.WriteLineAsync(note);
            }
            return await PipelineTarget.RunAsync(pipeline.Yaml, target ?? PipelineTarget.Usual(pipeline.Name), parsed.GetValue(force),
                parsed.GetValue(dry), parsed.GetValue(follow), parsed.GetValue(json), cancellationToken);
        });
        return command;
    }
}
