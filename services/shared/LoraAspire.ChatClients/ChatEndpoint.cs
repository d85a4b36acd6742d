using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Access;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.ChatClients;

/// <summary>Where requests go and with which key. Not a record: no text form of it may hold the key.</summary>
internal sealed class ChatEndpoint
{
    private const string OpenAi = "https://api.openai.com/v1";
    private const string Ollama = "http://127.0.0.1:11434/v1";

    /// <summary>Our chat service by its name in the app model.</summary>
    internal static readonly Uri ChatService = new("http://chat/v1");

    private ChatEndpoint(Uri address, string? key) => (Address, Key) = (address, key);

    public Uri Address { get; }

    /// <summary>Null where none is needed.</summary>
    public string? Key { get; }

    /// <exception cref="StageException">No key for an address that asks for one, or the key would travel in clear text.</exception>
    public static ChatEndpoint Of(ChatModelParams with, ChatUse use) =>
        Of(with, use, Environment.GetEnvironmentVariable(ApiKeyFile.Variable));

    /// <param name="ownKeyFile">What our services ask each other for where they listen beyond this machine; null where they ask for
    /// nothing.</param>
    internal static ChatEndpoint Of(ChatModelParams with, ChatUse use, string? ownKeyFile)
    {
        if (with is { Provider: ChatProvider.Chat, Address: null })
        {
            // One that stands in the environment for another provider isn't shown to ours.
            return new(ChatService, OwnKey(ownKeyFile));
        }
        Uri address = new(with.Address ?? (with.Provider == ChatProvider.Ollama ? Ollama : OpenAi));
        var key = Environment.GetEnvironmentVariable(with.ApiKeyEnv) is { Length: > 0 } given ? given.Trim() : null;
        if (key is not null && address is { Scheme: "http", IsLoopback: false })
        {
            throw new StageException($"The {use.Role}'s address {address.Host} is reached by http://, in clear text: a key must not travel "
                + $"so. Use https://, or a server on this machine; or unset {with.ApiKeyEnv} when the server asks for no key.");
        }
        // Servers of one's own, such as vLLM in the lab's network, ask for none; the provider's own address does.
        if (key is null && with is { Provider: ChatProvider.OpenAi, Address: null })
        {
            throw new StageException($"The {use.Role}'s address {address.Host} asks for a key, and {Unset(with.ApiKeyEnv, use)}");
        }
        return key is null || key.All(letter => letter is > ' ' and < '\x7F')
            ? new(address, key)
            : throw new StageException(
                $"The environment variable {with.ApiKeyEnv} holds white space or letters that no key has. Set it to the key alone.");
    }

    private static string? OwnKey(string? file)
    {
        try
        {
            return file is { Length: > 0 } ? ApiKeyFile.ReadOrCreate(file) : null;
        }
        catch (IOException error)
        {
            throw new StageException(error.Message, inner: error);
        }
    }

    /// <summary>What to do about a key that isn't there.</summary>
    internal static string Unset(string variable, ChatUse use) =>
        $"the environment variable {variable} of the {use.Service} service is not set. Set it before the app starts, or name another "
            + "variable with api_key_env.";
}
