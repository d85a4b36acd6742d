using LoraAspire.Cli.RunCommands;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli;

/// <summary>The file that a command writes a pipeline to.</summary>
internal static class PipelineTarget
{
    /// <summary>pipelines/NAME.yaml of the checkout, else of the folder that the user stands in.</summary>
    public static string Usual(string name) =>
        Path.Combine(LoraPaths.Checkout() ?? Environment.CurrentDirectory, "pipelines", name + ".yaml");

    /// <summary>The pipeline's name by its file's; null of a file that has no such name.</summary>
    public static string? NameOf(string? file) =>
        Path.GetFileNameWithoutExtension(file) is { } name && Identifiers.IsPipeline(name) ? name : null;

    /// <summary>Checks, keeps and submits it; <paramref name="dry"/> prints it and keeps nothing.</summary>
    /// <param name="json">As <see cref="RunCommand.SubmitAsync"/>; of a dry one the text.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="CliException">It is wrong, something else stands there, or no app runs here.</exception>
    public static async Task<int> RunAsync(string yaml, string path, bool force, bool dry, bool follow, bool json,
        CancellationToken cancellationToken)
    {
        Check(yaml, path, App.Folders);
        if (dry)
        {
            await RefuseAsync(path, yaml, force, cancellationToken);
            Console.Write(yaml);
            if (json)
            {
                JsonScreen.Write(new { file = path, yaml });
            }
            await Console.Error.WriteLineAsync($"nothing is written or run: without --dry-run this is {path}");
            return 0;
        }
        await WriteAsync(path, yaml, force, cancellationToken);
        await Console.Error.WriteLineAsync($"wrote {path}");
        return await RunCommand.SubmitAsync(await App.ConnectAsync(), yaml, path, follow, json, cancellationToken);
    }

    /// <summary>What is wrong with it is told before it stands anywhere.</summary>
    /// <exception cref="CliException">With every reason.</exception>
    public static void Check(string yaml, string path, LoraPaths folders)
    {
        var parsed = PipelineParser.Parse(yaml, path, new ContentDigests(folders).References);
        if (parsed.Errors.Count > 0)
        {
            throw new CliException(string.Join('\n', parsed.Errors.Select(error => error.Message)), ExitCode.Usage);
        }
    }

    /// <summary>The same again is no trouble; another file stays, unless it is to be written over.</summary>
    /// <exception cref="CliException">Something else stands there.</exception>
    public static async Task WriteAsync(string path, string yaml, bool force, CancellationToken cancellationToken)
    {
        await RefuseAsync(path, yaml, force, cancellationToken);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        await File.WriteAllTextAsync(path, yaml, cancellationToken);
    }

    private static async Task RefuseAsync(string path, string yaml, bool force, CancellationToken cancellationToken)
    {
        if (path == "")
        {
            throw new CliException("--yaml is empty: name a file.", ExitCode.Usage);
        }
        if (Directory.Exists(path))
        {
            throw new CliException($"{path} is a folder: name a file.", ExitCode.Usage);
        }
        if (!force && File.Exists(path) && await PipelineFile.ReadAsync(path, cancellationToken) != yaml)
        {
            throw new CliException($"{path} holds another pipeline. --force writes over it, another name leaves it.", ExitCode.Taken);
        }
    }
}
