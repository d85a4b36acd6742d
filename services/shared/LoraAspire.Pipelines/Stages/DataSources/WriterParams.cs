namespace LoraAspire.Pipelines.Stages;

/// <summary>A chat model that writes templates and records. Its key comes from an environment variable and is never written down.</summary>
public sealed record WriterParams
{
    public required WriterProvider Provider { get; init; }
    public required string Model { get; init; }

    /// <summary>The API's address, such as http://127.0.0.1:8000/v1; null takes the provider's own.</summary>
    public string? Address { get; init; }

    /// <summary>The environment variable of the service that holds the key.</summary>
    public string ApiKeyEnv { get; init; } = "LORA_WRITER_KEY";

    /// <summary>Most requests that one run of the stage may send, those that fail included.</summary>
    public int MaxRequests { get; init; } = 40;

    internal string? Problem() => MaxRequests < 1 ? "max_requests must be at least 1" : null;
}

/// <summary>Any OpenAI-compatible address; Ollama on this machine; or this project's own chat service.</summary>
public enum WriterProvider { OpenAi, Ollama, Chat }
