using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime;

namespace LoraAspire.Cli.AlpacaLora;

/// <summary>What --data_path means here: a file under the data root.</summary>
internal static class FoundData
{
    /// <returns>Relative to the data root, wherever the user stands.</returns>
    /// <exception cref="CliException">There is no such file, or it lies elsewhere.</exception>
    public static string Path(string given, LoraPaths folders)
    {
        if (given == "")
        {
            throw new CliException($"The data file's name is empty: name one under the data root {folders.Data}.", ExitCode.Usage);
        }
        var path = new[] { System.IO.Path.GetFullPath(given), System.IO.Path.GetFullPath(given, folders.Data) }.FirstOrDefault(File.Exists)
            ?? throw new CliException(AlpacaSource.IsFile(given)
                ? $"No file {given}, neither here nor under the data root {folders.Data}."
                : $"{Identifiers.Shown(given)} is no file. Nothing is fetched from the Hub: download the data set's file, put it under the "
                    + $"data root {folders.Data}, and name it.", ExitCode.NotFound);
        var relative = System.IO.Path.GetRelativePath(folders.Data, path);
        return relative.StartsWith("..", StringComparison.Ordinal) || System.IO.Path.IsPathRooted(relative)
            ? throw new CliException($"{path} lies outside the data root {folders.Data}: copy it there, or set LORA_DATA to a folder "
                + "above it before the app starts.")
            : relative.Replace('\\', '/');
    }
}
