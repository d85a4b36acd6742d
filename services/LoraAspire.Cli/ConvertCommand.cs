using System.CommandLine;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Pipelines.Yaml.Foreign;

namespace LoraAspire.Cli;

/// <summary>The pipeline that a configuration of axolotl, LLaMA-Factory or alpaca-lora means.</summary>
internal static class ConvertCommand
{
    public static Command Create()
    {
        Argument<string> file = new("file") { Description = "The YAML file of axolotl or LLaMA-Factory" };
        var json = JsonScreen.Option();
        Command command = new("convert",
            "Print the pipeline that a configuration of axolotl, LLaMA-Factory or alpaca-lora means, and on the error stream what has no "
                + "counterpart.") { file, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var path = parsed.GetRequiredValue(file);
            var text = await PipelineFile.ReadAsync(path, cancellationToken);
            var conversion = Conversion.Of(text, path, NameOf(path), await InfoAsync(path, cancellationToken));
            foreach (var diagnostic in conversion.Errors.Concat(conversion.Remarks))
            {
                Console.Error.WriteLine(diagnostic);
            }
            if (conversion.Yaml is { } yaml)
            {
                Console.Write(yaml);
            }
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new { conversion.Yaml, errors = Told(conversion.Errors), remarks = Told(conversion.Remarks) });
            }
            return (int)(conversion.Yaml is null ? ExitCode.Invalid : ExitCode.Done);
        });
        return command;
    }

    private static IEnumerable<object> Told(IEnumerable<Diagnostic> told) => told.Select(one => new { one.Line, one.Column, one.Message });

    private static string NameOf(string path) =>
        Path.GetFileNameWithoutExtension(path).ToLowerInvariant().Replace('_', '-') is var name && Identifiers.IsPipeline(name) ? name
            : "converted";

    /// <summary>Beside the file, or in data/ beside it, as LLaMA-Factory has it.</summary>
    private static async Task<DatasetInfo?> InfoAsync(string path, CancellationToken cancellationToken)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var info = new[] { folder, Path.Combine(folder, "data") }.Select(place => Path.Combine(place, "dataset_info.json"))
            .FirstOrDefault(File.Exists);
        try
        {
            return info is null ? null : DatasetInfo.Parse(await PipelineFile.ReadAsync(info, cancellationToken));
        }
        catch (System.Text.Json.JsonException error)
        {
            throw new CliException($"{info}: {error.Message}", ExitCode.Invalid);
        }
    }
}
