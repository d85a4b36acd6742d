using LoraAspire.Pipelines;
using LoraAspire.Runtime;

namespace LoraAspire.Cli.AlpacaLora;

/// <summary>What --base_model means here: a folder under the models root, by whatever path or name of the Hub.</summary>
internal static class FoundBase
{
    /// <returns>NAME of model:NAME.</returns>
    /// <exception cref="CliException">There is no such folder.</exception>
    public static string Name(string given, LoraPaths folders)
    {
        var name = Identifiers.LastPart(given);
        var place = Path.Combine(folders.Models, name);
        if (Identifiers.IsModel(name) && Directory.Exists(place))
        {
            return name;
        }
        throw new CliException(Directory.Exists(given)
            ? $"{given} is not under the models root {folders.Models}. Link it there: ln -s '{Path.GetFullPath(given)}' '{place}'"
            : $"No folder {place}. Nothing is fetched from the Hub: download {Identifiers.Shown(given)}, and put its folder, or a link to "
                + "it, there.", ExitCode.NotFound);
    }

    /// <summary>The folder itself, for what needs no pipeline.</summary>
    /// <exception cref="CliException">There is no such folder.</exception>
    public static string Folder(string given, LoraPaths folders) =>
        Directory.Exists(given) ? Path.GetFullPath(given) : Path.Combine(folders.Models, Name(given, folders));
}
