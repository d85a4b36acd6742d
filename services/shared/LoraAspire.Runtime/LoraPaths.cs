using Microsoft.Extensions.Configuration;

namespace LoraAspire.Runtime;

/// <summary>The folders of this installation, as the environment gives them.</summary>
/// <param name="Store">LORA_STORE: artifacts, cache, checkpoints, scratch.</param>
/// <param name="Data">LORA_DATA: what data paths of a pipeline are relative to.</param>
/// <param name="Models">LORA_MODELS: what model:NAME is relative to.</param>
public sealed record LoraPaths(string Store, string Data, string Models)
{
    public static LoraPaths From(IConfiguration configuration)
    {
        var root = RepositoryRoot(Environment.CurrentDirectory) ?? RepositoryRoot(AppContext.BaseDirectory) ?? Environment.CurrentDirectory;
        return new(
            Path.GetFullPath(configuration["LORA_STORE"] ?? Path.Combine(root, ".lora", "store")),
            Path.GetFullPath(configuration["LORA_DATA"] ?? root),
            Path.GetFullPath(configuration["LORA_MODELS"] ?? Path.Combine(root, "models")));
    }

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
