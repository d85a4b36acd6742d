using System.CommandLine;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Model.Export;
using LoraAspire.Model.Export.Gguf;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli;

/// <summary>A model's folder as GGUF files or for Hugging Face, without an app.</summary>
internal static class ExportCommand
{
    private const string Gguf = "gguf", HuggingFace = "hugging-face";

    public static Command Create()
    {
        Argument<string> model = new("model")
        {
            Description = "Folder of a model, its name in the models folder, or a run that made one; of an adapter's base, with --adapter",
        };
        Option<string?> adapter = new("--adapter")
        {
            Description = "Folder of a LoRA adapter, or the run that trained it, which is exported beside its base",
        };
        Option<DirectoryInfo> to = new("--out") { Description = "Folder that takes the files; must be new or empty", Required = true };
        Option<string> type = new("--type") { Description = "Of the numbers in a GGUF file", DefaultValueFactory = _ => "f16" };
        Option<string> format = new("--format") { Description = "What for", DefaultValueFactory = _ => Gguf };
        Option<string> name = new("--name") { Description = "Starts the files' names", DefaultValueFactory = _ => "model" };
        Option<string?> system = new("--system") { Description = "A system message in the Modelfile" };
        Option<string?> from = new("--from") { Description = "The base's name in Ollama, so that it isn't exported beside the adapter" };
        Option<bool> zip = new("--zip") { Description = "One zip file in place of the files" };
        var json = JsonScreen.Option();
        type.AcceptOnlyFromAmong([.. GgmlTypes.Names]);
        format.AcceptOnlyFromAmong(Gguf, HuggingFace);
        Command command = new("export", "Write a model as GGUF files for llama.cpp and Ollama, or as a folder for Hugging Face.")
        {
            model, adapter, to, type, format, name, system, from, zip, json,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var folder = await ModelPlace.FindAsync(parsed.GetRequiredValue(model));
            var beside = parsed.GetValue(adapter) is { } given ? await AdapterPlace.FindAsync(given) : null;
            ExportOptions options = new()
            {
                Name = parsed.GetRequiredValue(name),
                Type = GgmlTypes.Parse(parsed.GetRequiredValue(type)),
                IsHuggingFace = parsed.GetRequiredValue(format) == HuggingFace,
                System = parsed.GetValue(system),
                From = parsed.GetValue(from),
                IsZip = parsed.GetValue(zip),
            };
            var files = await Task.Run(() =>
            {
                using var export = ModelExport.Open(folder, beside, options);
                return Write(export, parsed.GetRequiredValue(to), cancellationToken);
            }, cancellationToken);
            foreach (var file in files)
            {
                Console.WriteLine($"{file.Sha256}  {file.Name}  {DiskSpace.Words(file.Bytes)}");
            }
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new { folder = parsed.GetRequiredValue(to).FullName, files });
            }
            return 0;
        });
        return command;
    }

    private static void Show(long done, long total) => Console.Error.Write($"\r{done} of {total} parts{(done == total ? "\n" : "")}");

    private static bool IsTaken(DirectoryInfo folder) => folder.Exists && folder.EnumerateFileSystemInfos().Any();

    /// <summary>Everything stands in a folder beside until it is whole.</summary>
    private static IReadOnlyList<ExportedFile> Write(ModelExport export, DirectoryInfo to, CancellationToken cancellationToken)
    {
        DirectoryInfo partial = new(to.FullName.TrimEnd('/') + ".part");
        if (IsTaken(to))
        {
            throw new CliException($"{to.FullName} is not empty: name a new folder.", ExitCode.Taken);
        }
        if (IsTaken(partial))
        {
            throw new CliException($"{partial.FullName} is not empty, and the files would stand there until they are whole. "
                + "Another export may be at it, or have been killed: move or remove that folder, or name another one.", ExitCode.Taken);
        }
        partial.Create();
        try
        {
            if (DiskSpace.Free(partial.FullName) is var free && free < export.Bytes)
            {
                throw new CliException($"The export takes {DiskSpace.Words(export.Bytes)}, and the disk of {to.FullName} has "
                    + $"{DiskSpace.Words(free)} free.", ExitCode.Lacking);
            }
            foreach (var remark in export.Remarks)
            {
                Console.Error.WriteLine(remark);
            }
            var files = export.Write(partial.FullName, Console.IsErrorRedirected ? null : Show, cancellationToken);
            if (to.Exists)
            {
                to.Delete();
            }
            Directory.Move(partial.FullName, to.FullName);
            return files;
        }
        finally
        {
            if (Directory.Exists(partial.FullName))
            {
                Directory.Delete(partial.FullName, recursive: true);
            }
        }
    }
}
