using System.Text.Json;

namespace LoraAspire.Runtime.Store;

/// <summary>A model that a chat stage put behind the chat service.</summary>
/// <param name="Folder">Relative to the store; its artifacts are named by digest. With an adapter its base's.</param>
/// <param name="Adapter">The folder of the adapter that answers beside it, relative to the store; null is the model alone.</param>
/// <param name="Weights">What its weights are kept as in memory; null is for the service to choose.</param>
public sealed record Deployment(string Name, string Folder, DateTimeOffset Created, string? Adapter = null, string? Weights = null);

/// <summary>
/// What is served by name: one file each under the store's <c>serving/</c>, so that a restart keeps it and a gc knows of it.
/// </summary>
public sealed class Deployments(string store)
{
    private string Serving => Path.Combine(store, "serving");

    /// <summary>A file that can't be read deploys nothing.</summary>
    public IEnumerable<Deployment> List() =>
        Directory.Exists(Serving) ? Directory.EnumerateFiles(Serving, "*.json").Select(Read).OfType<Deployment>() : [];

    /// <summary>Serves the folder under this name from now on, in place of what had it before.</summary>
    /// <exception cref="ArgumentException">The name can't be a file's name.</exception>
    public void Deploy(string name, string folder, string? adapter = null, string? weights = null)
    {
        if (string.IsNullOrWhiteSpace(name) || name.StartsWith('.') || name.Any(letter => letter is '/' or '\\' || char.IsControl(letter)))
        {
            throw new ArgumentException($"model_name '{name}' can't be served: it must not be empty, start with a dot or hold slashes.");
        }
        PrivateFolder.Create(Serving);
        Deployment deployment = new(name, Path.GetRelativePath(store, folder), TimeProvider.System.GetUtcNow(),
            adapter is null ? null : Path.GetRelativePath(store, adapter), weights);
        Durable.Replace(Path.Combine(Serving, name + ".json"), JsonSerializer.SerializeToUtf8Bytes(deployment, JsonSerializerOptions.Web));
    }

    /// <summary>Serves the name no longer.</summary>
    /// <returns>False where nothing had it.</returns>
    public bool Undeploy(string name)
    {
        if (List().All(deployment => deployment.Name != name))
        {
            return false;
        }
        File.Delete(Path.Combine(Serving, name + ".json"));
        return true;
    }

    private static Deployment? Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<Deployment>(File.ReadAllBytes(file), JsonSerializerOptions.Web) is
            {
                Name: not null,
                Folder: not null
            } deployment ? deployment : null;
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
