using System.CommandLine;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Pipelines;
using LoraAspire.Runtime;
using Spectre.Console;

namespace LoraAspire.Cli;

/// <summary>A first pipeline from three answers: which data, which base, which name.</summary>
internal static class InitCommand
{
    private const int MostOffered = 20;

    public static Command Create()
    {
        Option<string?> data = new("--data") { Description = "File of records or conversations under the data root" };
        Option<string?> model = new("--base") { Description = "A model of the models folder, by its name" };
        Option<string?> name = new("--name") { Description = "What the pipeline is called" };
        Option<string?> target = new("--yaml") { Description = "File that takes the pipeline (default: pipelines/NAME.yaml)" };
        Option<bool> force = new("--force") { Description = "Write over another file of that name" };
        var json = JsonScreen.Option();
        Command command = new("init",
            "Write pipelines/NAME.yaml, which trains a base on a data file and merges the adapter. Asks for what isn't given, where there "
                + "is a terminal.") { data, model, name, target, force, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var folders = App.Folders;
            var file = FoundData.Path(parsed.GetValue(data)
                ?? Ask("--data", $"Data file (under {folders.Data})", "a file of records under the data root"), folders);
            var found = FoundBase.Name(parsed.GetValue(model)
                ?? Ask("--base", $"Base{Offer(Bases(folders))}", "a folder under the models root"), folders);
            var called = parsed.GetValue(name) ?? PipelineTarget.NameOf(parsed.GetValue(target))
                ?? Ask("--name", "Name of the pipeline", "a word for the pipeline", "mine");
            if (!Identifiers.IsPipeline(called))
            {
                throw new CliException($"'{Identifiers.Shown(called)}' is no name of a pipeline: {Identifiers.PipelineForm}.",
                    ExitCode.Usage);
            }
            var path = parsed.GetValue(target) ?? PipelineTarget.Usual(called);
            var yaml = FirstPipeline.Yaml(called, found, file, folders);
            PipelineTarget.Check(yaml, path, folders);
            await PipelineTarget.WriteAsync(path, yaml, parsed.GetValue(force), cancellationToken);
            Console.WriteLine(path);
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new { file = path, yaml });
            }
            var shown = Path.GetRelativePath(Environment.CurrentDirectory, path);
            await Console.Error.WriteLineAsync($"Look at it, then: lora check {shown}; lora run -f {shown}");
            return 0;
        });
        return command;
    }

    /// <exception cref="CliException">Nobody can be asked.</exception>
    private static string Ask(string option, string question, string what, string? usual = null)
    {
        if (Console.IsInputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
        {
            throw new CliException($"{option} is missing: name {what}.", ExitCode.Usage);
        }
        TextPrompt<string> prompt = new($"{Markup.Escape(question)}:");
        return AnsiConsole.Prompt(usual is null ? prompt : prompt.DefaultValue(usual)).Trim();
    }

    private static string Offer(IReadOnlyList<string> bases) => bases.Count == 0 ? ""
        : $" ({string.Join(", ", bases.Take(MostOffered))}{(bases.Count > MostOffered ? ", …" : "")})";

    private static List<string> Bases(LoraPaths folders) => !Directory.Exists(folders.Models) ? []
        : [.. Directory.EnumerateDirectories(folders.Models).Select(folder => Path.GetFileName(folder)).Where(Identifiers.IsModel)
            .Order(StringComparer.OrdinalIgnoreCase)];
}
