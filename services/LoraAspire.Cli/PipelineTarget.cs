namespace LoraAspire.Cli;

/// <summary>The file that a command writes a pipeline to.</summary>
internal static class PipelineTarget
{
    /// <summary>The same again is no trouble; another file stays, unless it is to be written over.</summary>
    /// <exception cref="CliException">Something else stands there.</exception>
    public static async Task WriteAsync(string path, string yaml, bool force, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path))
        {
            throw new CliException($"{path} is a folder: name a file.", ExitCode.Usage);
        }
        if (!force && File.Exists(path) && await Pipelines.Yaml.PipelineFile.ReadAsync(path, cancellationToken) != yaml)
        {
            throw new CliException($"{path} holds another pipeline. --force writes over it; --yaml FILE takes another file.");
        }
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        await File.WriteAllTextAsync(path, yaml, cancellationToken);
    }
}
