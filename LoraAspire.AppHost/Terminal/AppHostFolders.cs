using System.Reflection;

namespace LoraAspire.AppHost.Terminal;

/// <summary>Where the app keeps and finds things; all absolute.</summary>
/// <param name="State">What runs leave behind: logs, Redis's data, the address file. <c>LORA_STATE</c>.</param>
/// <param name="Store">Artifacts. <c>LORA_STORE</c>.</param>
/// <param name="Data">The root of data paths in a pipeline. <c>LORA_DATA</c>.</param>
/// <param name="Models">Base models, a folder each. <c>LORA_MODELS</c>.</param>
internal sealed record AppHostFolders(string State, string Store, string Data, string Models)
{
    public string Addresses => Path.Combine(State, "apphost.json");
    public string Lock => Path.Combine(State, "apphost.lock");
    public string Logs => Path.Combine(State, "logs");

    public static AppHostFolders FromEnvironment()
    {
        var repository = Repository();
        var state = Folder("LORA_STATE", Path.Combine(repository, ".lora"));
        return new AppHostFolders(state, Folder("LORA_STORE", Path.Combine(state, "store")), Folder("LORA_DATA", repository), Folder("LORA_MODELS", Path.Combine(repository, "models")));
    }

    private static string Folder(string variable, string usual) =>
        Path.GetFullPath(Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given ? given : usual);

    /// <summary>The folder above the AppHost's project.</summary>
    private static string Repository()
    {
        var project = Assembly.GetExecutingAssembly().GetCustomAttributes<AssemblyMetadataAttribute>()
            .FirstOrDefault(a => string.Equals(a.Key, "AppHostProjectPath", StringComparison.OrdinalIgnoreCase))?.Value;
        return Path.GetDirectoryName(project?.TrimEnd('/')) ?? Directory.GetCurrentDirectory();
    }
}
