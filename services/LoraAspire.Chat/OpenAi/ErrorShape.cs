using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.ServiceDefaults.Access;

namespace LoraAspire.Chat.OpenAi;

/// <summary>Errors under /v1 as OpenAI's clients expect them: <c>{ "error": { message, type, param, code } }</c>.</summary>
public sealed class ErrorShape(RequestDelegate next, ILogger<ErrorShape> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            logger.LogInformation("{Path}: the client went away", context.Request.Path);
        }
        catch (RequestException error)
        {
            await WriteAsync(context, error.Status, new(error.Message, "invalid_request_error", error.Param, error.Code));
        }
        catch (BadHttpRequestException error) when (error.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            await WriteAsync(context, error.StatusCode,
                new($"The body is longer than {AccessLimits.ConversationBody >> 20} MiB.", "invalid_request_error", null, null));
        }
        catch (Exception error) when (error is JsonException or BadHttpRequestException)
        {
            await WriteAsync(context, StatusCodes.Status400BadRequest,
                new($"The body is not the JSON of such a request: {error.Message}", "invalid_request_error", null, null));
        }
        catch (ModelException error)
        {
            logger.LogError(error, "{Path}: the model can't be run", context.Request.Path);
            await WriteAsync(context, StatusCodes.Status500InternalServerError, new(error.Message, "server_error", null, "model_unusable"));
        }
    }

    private static async Task WriteAsync(HttpContext context, int status, ErrorDetail detail)
    {
        if (context.Response.HasStarted)
        {
            // The stream has its status already: the error is one event more, as OpenAI's servers send it.
            await context.Response.WriteAsync($"data: {JsonSerializer.Serialize(new ErrorBody(detail), OpenAiJson.Options)}\n\n",
                context.RequestAborted);
            return;
        }
        context.Response.StatusCode = status;
        await context.Response.WriteAsJsonAsync(new ErrorBody(detail), OpenAiJson.Options, context.RequestAborted);
    }

    private sealed record ErrorDetail(string Message, string Type, string? Param, string? Code);

    private sealed record ErrorBody(ErrorDetail Error);
}
