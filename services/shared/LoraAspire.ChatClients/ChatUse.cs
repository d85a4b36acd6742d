namespace LoraAspire.ChatClients;

/// <summary>What a chat model is asked for, in the words of messages.</summary>
/// <param name="Role">The key of its settings in the YAML: "writer".</param>
/// <param name="Service">The service that reads its key from the environment.</param>
internal sealed record ChatUse(string Role, string Service);
