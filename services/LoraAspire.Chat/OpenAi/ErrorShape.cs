using LoraAspire.Chat.Ollama;
using LoraAspire.Chat.Streaming;
using LoraAspire.Model;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Constraints;
using LoraAspire.ServiceDefaults.Access;

namespace LoraAspire.Chat.OpenAi;

/// <summary>
/// Errors as clients expect them, whatever went wrong: OpenAI's <c>{ "error": { message, type, param, code } }</c>, and under /api Ollama's
/// <c>{ "error": "…" }</c>. Nothing in them names a type or a place of this program.
/// </summary>
public sealed class ErrorShape(RequestDelegate next, ILogger<ErrorShape> logger)
{
    public const string Invalid = "invalid_request_error";

    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
            if (!context.Response.HasStarted && OfStatus(context) is { } refused)
            {
                await WriteAsync(context, refused);
            }
        }
        catch (Exception error) when (context.RequestAborted.IsCancellationRequested
            && error is OperationCanceledException or IOException or BadHttpRequestException)
        {
            logger.LogInformation("{Path}: the client went away", context.Request.Path);
        }
        catch (QueueFullException full)
        {
            var seconds = Math.Max(1, (int)Math.Ceiling(full.RetryAfter.TotalSeconds));
            if (!context.Response.HasStarted)
            {
                context.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
            }
            await WriteAsync(context, new(StatusCodes.Status429TooManyRequests, full.Message, "rate_limit_error", null, "queue_full"));
        }
        catch (Exception error)
        {
            await WriteAsync(context, Of(error, context));
        }
    }

    private ErrorAnswer Of(Exception error, HttpContext context)
    {
        switch (error)
        {
            case RequestException wrong:
                return new(wrong.Status, wrong.Message, Invalid, wrong.Param, wrong.Code);
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } large:
                return new(large.StatusCode, $"The body is longer than {AccessLimits.ConversationBody >> 20} MiB.", Invalid, null, null);
            case BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout } late:
                return new(late.StatusCode, "The body came too slowly.", Invalid, null, null);
            case BadHttpRequestException broken:
                return new(broken.StatusCode, "The body can't be read: it ended early or is broken.", Invalid, null, null);
            case ConstraintException refusal:
                return new(StatusCodes.Status400BadRequest, refusal.Message, Invalid, null, null);
            case ModelException unusable:
                logger.LogError(unusable, "{Path}: the model can't be run", context.Request.Path);
                return new(StatusCodes.Status500InternalServerError, unusable.Message, "server_error", null, "model_unusable");
            default:
                logger.LogError(error, "{Path}: failed ({Id})", context.Request.Path, context.TraceIdentifier);
                return new(StatusCodes.Status500InternalServerError,
                    $"The service failed at this request; its log says why, under {context.TraceIdentifier}.", "server_error", null,
                    "internal_error");
        }
    }

    /// <summary>What no endpoint answered, or answered without a word.</summary>
    private static ErrorAnswer? OfStatus(HttpContext context)
    {
        var (status, request) = (context.Response.StatusCode, context.Request);
        return status switch
        {
            StatusCodes.Status404NotFound => new(status, $"There is no {request.Path.Value}; docs/serving.md lists what there is.", Invalid,
                null, "not_found"),
            StatusCodes.Status405MethodNotAllowed => new(status, $"{request.Path.Value} takes {context.Response.Headers.Allow} and not "
                + $"{request.Method}.", Invalid, null, "method_not_allowed"),
            >= 400 and not StatusCodes.Status503ServiceUnavailable => new(status, "The request can't be served as it is.", Invalid,
                null, null),
            _ => null,
        };
    }

    private static async Task WriteAsync(HttpContext context, ErrorAnswer answer)
    {
        var response = context.Response;
        object body = context.Request.Path.StartsWithSegments(OllamaJson.Prefix) ? new OllamaError(answer.Message)
            : new ErrorBody(new(answer.Message, answer.Type, answer.Param, answer.Code));
        if (!response.HasStarted)
        {
            response.StatusCode = answer.Status;
            await response.WriteAsJsonAsync(body, body.GetType(), OpenAiJson.Options, context.RequestAborted);
            return;
        }
        // The stream has its status already: the error is one piece more, as the servers of either API send it.
        var json = System.Text.Json.JsonSerializer.Serialize(body, body.GetType(), OpenAiJson.Options);
        await response.WriteAsync(response.ContentType switch
        {
            StreamResult.Lines => $"{json}\n",
            _ when context.Request.Path.StartsWithSegments(ResponsesEndpoint.Path) => ResponseEvents.Error(answer.Message, answer.Param,
                answer.Code),
            _ => $"data: {json}\n\n",
        }, context.RequestAborted);
    }

    private sealed record ErrorAnswer(int Status, string Message, string Type, string? Param, string? Code);

    private sealed record ErrorDetail(string Message, string Type, string? Param, string? Code);

    private sealed record ErrorBody(ErrorDetail Error);
}
