namespace LoraAspire.Chat.OpenAi;

/// <summary>A request that can't be served; the message is for whoever sent it.</summary>
/// <param name="param">The field at fault.</param>
/// <param name="code">OpenAI's word for the case, for programs.</param>
public sealed class RequestException(string message, string? param = null, string? code = null,
    int status = StatusCodes.Status400BadRequest) : Exception(message)
{
    public string? Param { get; } = param;
    public string? Code { get; } = code;
    public int Status { get; } = status;
}
