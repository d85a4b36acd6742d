using System.Text.Json;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime;

/// <summary>
/// Where the app that runs in a state folder is reached, as a file there. The AppHost writes it, the command line reads it.
/// </summary>
/// <param name="Redis">A connection string with its password, so only the file's owner may read it.</param>
/// <param name="Dashboard">Aspire's dashboard, with the token that lets a browser in; null when its port was left to chance.</param>
/// <param name="Pid">The AppHost's process.</param>
public sealed record AppAddresses(string Redis, string Lab, string Chat, string? Dashboard, int Pid)
{
    private const int LongestFile = 1 << 14;

    public static string File(string state) => Path.Combine(state, "apphost.json");

    public Task WriteAsync(string state, CancellationToken cancellationToken) =>
        PrivateFile.WriteAsync(File(state), JsonSerializer.Serialize(this, JsonSerializerOptions.Web), cancellationToken);

    public static void Remove(string state) => System.IO.File.Delete(File(state));

    /// <returns>Null when no app runs there.</returns>
    /// <exception cref="IOException">It cannot be read, or is not what the AppHost writes.</exception>
    public static AppAddresses? Read(string state)
    {
        try
        {
            return SmallFile.Read(File(state), LongestFile) is not { } text ? null
                : JsonSerializer.Deserialize<AppAddresses>(text, JsonSerializerOptions.Web) is { } read && read.AreWhole() ? read
                : throw Foreign(state);
        }
        catch (JsonException)
        {
            throw Foreign(state);
        }
    }

    private bool AreWhole() => !string.IsNullOrEmpty(Redis) && IsPage(Lab) && IsPage(Chat) && Pid > 0;

    private static bool IsPage(string? address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var page) && page.Scheme is "http" or "https";

    private static IOException Foreign(string state) =>
        new($"{File(state)} is not what the AppHost writes. Delete it, and start the app again.");
}
