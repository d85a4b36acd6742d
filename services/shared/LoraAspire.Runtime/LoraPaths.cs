using Microsoft.Extensions.Configuration;

namespace LoraAspire.Runtime;

/// <summary>The folders of this installation, as the environment gives them; all absolute.</summary>
/// <param name="State">LORA_STATE: what the app leaves behind: Redis's data, the addresses, links to models.</param>
/// <param name="Store">LORA_STORE: artifacts, cache, checkpoints, scratch.</param>
/// <param name="Data">LORA_DATA: what data paths of a pipeline are relative to.</param>
/// <param name="Models">LORA_MODELS: what model:NAME is relative to.</param>
public sealed record LoraPaths(string State, string Store, string Data, string Models)
{
    /// <summary>Links to the newest model of each pipeline.</summary>
    public string ModelLinks => Path.Combine(State, "models");

    /// <summary>For a program that is no service.</summary>
    /// <param name="given">Variables that go before those of the environment.</param>
    public static LoraPaths FromEnvironment(IEnumerable<KeyValuePair<string, string?>>? given = null) =>
        From(new ConfigurationBuilder().AddEnvironmentVariables().AddInMemoryCollection(given).Build());

    public static LoraPaths From(IConfiguration configuration)
    {
        var root = Checkout() ?? Environment.CurrentDirectory;
        var state = Folder("LORA_STATE", Path.Combine(root, ".lora"));
        return new(state, Folder("LORA_STORE", Path.Combine(state, "store")), Folder("LORA_DATA", root),
            Folder("LORA_MODELS", Path.Combine(root, "models")));

        string Folder(string name, string usual) => Path.GetFullPath(configuration[name] is { Length: > 0 } given ? given : usual);
    }

    /// <summary>
    /// The checkout that this program was built in, else the one that the user stands in. A copy finds itself, not its original.
    /// </summary>
    public static string? Checkout() => RepositoryRoot(AppContext.BaseDirectory) ?? RepositoryRoot(Environment.CurrentDirectory);

    /// <summary>The folder that holds LoraAspire.sln, at or above <paramref name="start"/>.</summary>
    public static string? RepositoryRoot(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "LoraAspire.sln")))
            {
                return folder.FullName;
            }
        }
        return null;
    }
}
