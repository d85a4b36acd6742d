using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;

namespace LoraAspire.Pipelines.Stages;

/// <summary>A chat model that is asked over HTTP. Its key comes from an environment variable and is never written down.</summary>
public abstract partial record ChatModelParams
{
    /// <summary>open-ai: any OpenAI-compatible server; ollama: the one on this machine; chat: this app's own chat service.</summary>
    public required ChatProvider Provider { get; init; }
    /// <summary>The model, as the server calls it.</summary>
    public required string Model { get; init; }

    /// <summary>The API's address, such as http://127.0.0.1:8000/v1; null takes the provider's own.</summary>
    public string? Address { get; init; }

    /// <summary>The environment variable of the service that holds the key.</summary>
    public string ApiKeyEnv { get; init; } = "";

    /// <summary>Most requests that one run of the stage may send, those that fail included.</summary>
    [Range(1, 1_000_000)]
    public int MaxRequests { get; init; }

    /// <summary>The words repeat neither the address nor the variable: a key pasted into the wrong place must not reach a log.</summary>
    internal string? Problem() =>
        string.IsNullOrWhiteSpace(Model) ? "model must name a model that the provider serves"
        : !VariableName().IsMatch(ApiKeyEnv)
        ? "api_key_env is the name of an environment variable (letters, digits, underscores), not the key itself"
        : ApiKeyEnv.Contains("__", StringComparison.Ordinal)
        ? "api_key_env must not name a variable with a double underscore: those configure this application"
        : Address is { } address && AddressProblem(address) is { } wrong ? wrong
        : null;

    private static string? AddressProblem(string address) =>
        !Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")
            ? "address must start with http:// or https://, as in http://127.0.0.1:8000/v1"
        : uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0
        ? "address must hold no name, password or query: the key belongs into the environment variable that api_key_env names"
        : null;

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]*$")]
    private static partial Regex VariableName();
}

/// <summary>Any OpenAI-compatible address; Ollama on this machine; or this project's own chat service.</summary>
public enum ChatProvider { OpenAi, Ollama, Chat }
