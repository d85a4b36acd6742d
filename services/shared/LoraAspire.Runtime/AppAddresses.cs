using System.Text.Json;

namespace LoraAspire.Runtime;

/// <summary>Where the app that runs in a state folder is reached. The AppHost writes it, the command line reads it.</summary>
/// <param name="Redis">A connection string with its password, so only the file's owner may read it.</param>
/// <param name="Dashboard">Aspire's dashboard; null when its port was left to chance.</param>
/// <param name="Pid">The AppHost's process.</param>
public sealed record AppAddresses(string Redis, string Lab, string Chat, string? Dashboard, int Pid)
{
    public static string File(string state) => Path.Combine(state, "apphost.json");

    public string ToJson() => JsonSerializer.Serialize(this, JsonSerializerOptions.Web);

    /// <returns>Null when no app runs there.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static AppAddresses? Read(string state)
    {
        try
        {
            return System.IO.File.Exists(File(state)) ? JsonSerializer.Deserialize<AppAddresses>(System.IO.File.ReadAllText(File(state)), JsonSerializerOptions.Web) : null;
        }
        catch (JsonException)
        {
            throw new IOException($"{File(state)} is not what the AppHost writes. Delete it, and start the app again.");
        }
    }
}
