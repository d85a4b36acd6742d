using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Cli.AlpacaLora;

/// <summary>alpaca-lora's export_hf_checkpoint.py: an adapter merged into its base by the merger's program, without the app.</summary>
internal static class MergeCommand
{
    private const string Weights = "lora_weights", Other = "lora_model";

    public static readonly IReadOnlyList<string> Flags = [FinetuneFlags.BaseModel, Weights, Other, FinetuneFlags.OutputDir];

    public static Command Create()
    {
        Option<bool> dry = new("--dry-run") { Description = "Print the merger's command line, don't run it" };
        var json = JsonScreen.Option();
        Command command = new("merge", "Merge an adapter into its base, as a folder for Hugging Face. Flags: --base_model, --lora_weights "
            + "(or --lora_model): the adapter's folder, a run, or latest; --output_dir: new or empty; its folder model takes it.")
        {
            dry, json,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var flags = FireArguments.Read(parsed.UnmatchedTokens, Flags);
            var folder = FoundBase.Folder(Text(FinetuneFlags.BaseModel), App.Folders);
            var adapter = await AdapterPlace.FindAsync(flags.ContainsKey(Weights) ? Text(Weights) : Text(Other, Weights));
            var output = Path.GetFullPath(Text(FinetuneFlags.OutputDir));
            string[] words = ["once", "--input", $"base={folder}", "--input", $"adapter={adapter}", "--out", output];
            var program = StageProgram.Of(StageKinds.Merger)
                ?? throw new CliException("The merger isn't built: dotnet build LoraAspire.sln");
            if (parsed.GetValue(dry))
            {
                Console.WriteLine(string.Join(' ', words.Prepend(program).Select(Quoted)));
                if (parsed.GetValue(json))
                {
                    JsonScreen.Write(new { command = words.Prepend(program) });
                }
                return 0;
            }
            using var merger = Start(program, words, parsed.GetValue(json));
            using var stop = cancellationToken.Register(() => merger.Kill());
            await merger.WaitForExitAsync(CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            if (merger.ExitCode != 0)
            {
                return (int)ExitCode.Failed;
            }
            var model = Path.Combine(output, StageKinds.Merger.Outputs[0].Name);
            Console.WriteLine(model);
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new { model });
            }
            return 0;

            string Text(string flag, string? called = null) =>
                flags.TryGetValue(flag, out var value) && FireArguments.Text(value) is { Length: > 0 } text ? text
                    : throw new CliException($"--{called ?? flag} is missing.", ExitCode.Usage);
        });
        return command;
    }

    /// <param name="json">Standard output is for JSON alone: what the merger says goes to standard error.</param>
    private static Process Start(string program, string[] words, bool json)
    {
        try
        {
            var merger = Process.Start(new ProcessStartInfo(program, words) { RedirectStandardOutput = json })!;
            if (json)
            {
                merger.OutputDataReceived += (_, line) =>
                {
                    if (line.Data is { } said)
                    {
                        Console.Error.WriteLine(said);
                    }
                };
                merger.BeginOutputReadLine();
            }
            return merger;
        }
        catch (Win32Exception error)
        {
            throw new CliException($"{program} doesn't start: {error.Message}. Build it again: dotnet build LoraAspire.sln");
        }
    }

    private static string Quoted(string word) => word.Contains(' ') ? $"'{word}'" : word;
}
