using System.Text.Json.Nodes;
using LoraAspire.EndToEndTests.Chat;
using LoraAspire.Runtime.Store;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>
/// This repository's model with room for 16,384 tokens, served until it is disposed of: on no machine is its answer over before
/// a page that shows it has been looked at twice.
/// </summary>
public sealed class EndlessModel : IDisposable
{
    public const string Name = "endless";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("lora-endless-");
    private readonly Deployments deployments;

    /// <param name="store">The chat service's store.</param>
    public EndlessModel(string store)
    {
        foreach (var file in Directory.EnumerateFiles(ChatProcess.ModelFolder))
        {
            File.Copy(file, Path.Combine(folder.FullName, Path.GetFileName(file)));
        }
        var path = Path.Combine(folder.FullName, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        config["max_position_embeddings"] = 16_384;
        File.WriteAllText(path, config.ToJsonString());
        deployments = new(store);
        deployments.Deploy(Name, folder.FullName);
    }

    public void Dispose()
    {
        deployments.Undeploy(Name);
        folder.Delete(recursive: true);
    }
}
