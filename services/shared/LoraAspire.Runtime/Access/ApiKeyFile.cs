using System.Security.Cryptography;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime.Access;

/// <summary>
/// The key that lets a client in where services listen beyond this machine. It lies in a file of its owner's, never in an environment, a
/// command line or a log.
/// </summary>
public static class ApiKeyFile
{
    /// <summary>Names the file. Whoever has it set asks for the key, or sends it.</summary>
    public const string Variable = "LORA_API_KEY_FILE";

    private const int RandomBytes = 32, ShortestKey = 32, LongestFile = 4096;

    /// <summary>Where the AppHost keeps it.</summary>
    public static string In(string state) => Path.Combine(state, "api-key");

    /// <summary>The file's key; a random one (32 bytes as hex) in a new file when there is none.</summary>
    /// <exception cref="IOException">It can't be made or read, holds no key, or others may read it.</exception>
    public static string ReadOrCreate(string path)
    {
        if (Read(path) is { } key)
        {
            return key;
        }
        try
        {
            PrivateFolder.Create(Path.GetDirectoryName(Path.GetFullPath(path))!);
            PrivateFile.TryCreate(path, RandomNumberGenerator.GetHexString(2 * RandomBytes, lowercase: true) + "\n");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The API key can't be written to {path}: {error.Message}", error);
        }
        return Read(path) ?? throw new IOException($"The API key {path} was removed while it was read.");
    }

    /// <returns>Null when there is no file.</returns>
    /// <exception cref="IOException">It can't be read, holds no key, or others may read it.</exception>
    public static string? Read(string path)
    {
        string? text;
        try
        {
            text = SmallFile.Read(path, LongestFile);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"The API key {path} can't be read: {error.Message}", error);
        }
        if (text is null)
        {
            return null;
        }
        if (PrivateFile.IsOpenToOthers(path))
        {
            throw new IOException($"Others may read the API key {path}. Take that from them (chmod 600), or delete it: a new one is made.");
        }
        var key = text.Trim();
        return key.Length >= ShortestKey && key.All(letter => letter is > ' ' and < '\x7F')
            ? key
            : throw new IOException($"{path} holds no API key of {ShortestKey} or more letters, digits and signs. {Remedy}");
    }

    private const string Remedy = "Delete it: a new one is made.";
}
