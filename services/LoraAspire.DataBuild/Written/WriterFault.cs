using System.Net.Http.Headers;
using System.Text.Json;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.DataBuild.Written;

/// <summary>What went wrong with one request, in words for the user.</summary>
/// <param name="Final">Asking again would not help.</param>
/// <param name="RetryAfter">How long the server wants to be left alone.</param>
internal sealed record WriterFault(string Words, bool Final = false, TimeSpan? RetryAfter = null)
{
    private const int LongestQuote = 300;

    /// <param name="said">The server's own words.</param>
    public static WriterFault Of(int status, string said, TimeSpan? retryAfter, WriterParams with, string? key) => status switch
    {
        401 when key is null =>
            new($"the server asks for a key (401), and {WriterEndpoint.Unset(with.ApiKeyEnv).TrimEnd('.')}", Final: true),
        401 => new($"the server refuses the key (401). Look at the environment variable {with.ApiKeyEnv}", Final: true),
        403 => new($"the key may not use the model '{with.Model}' (403). Choose another model, or ask the provider for access",
            Final: true),
        404 => new($"the server knows no model '{with.Model}', or no API at this address (404). Look at model and address; with Ollama, "
            + "pull the model first", Final: true),
        429 => new("the server is busy or the quota is used up (429)", RetryAfter: retryAfter),
        408 or 409 or 425 or >= 500 => new($"the server failed ({status})", RetryAfter: retryAfter),
        _ => new($"the server refuses the request ({status}){Quoted(said, KeyPieces.Of(key))}. Look at address and model", Final: true),
    };

    /// <summary>Null for an exception that is a fault of ours.</summary>
    public static WriterFault? Of(Exception error) => error switch
    {
        OperationCanceledException => new("no answer in time"),
        HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } =>
            new($"the answer is larger than {ChatModels.Megabytes} MB"),
        HttpRequestException or IOException => new("the connection failed or was cut"),
        InvalidDataException => new("the answer can't be unpacked"),
        JsonException => new("the answer is not JSON"),
        _ => null,
    };

    public static TimeSpan? After(RetryConditionHeaderValue? asked, DateTimeOffset now) =>
        asked?.Delta ?? (asked?.Date is { } at ? at > now ? at - now : TimeSpan.Zero : null);

    /// <summary>
    /// ": …" with what the server says, as it may be shown; empty when it says nothing, or when it repeats the key, whole or in part.
    /// </summary>
    private static string Quoted(string said, KeyPieces key) =>
        said.ReplaceLineEndings(" ").Trim().TrimEnd('.') is { Length: > 0 and <= LongestQuote } words && !key.AreIn(words)
            ? $": {VisibleText.Safe(words)}" : "";
}
