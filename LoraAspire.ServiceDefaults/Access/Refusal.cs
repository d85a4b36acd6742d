using Microsoft.AspNetCore.Http;

namespace LoraAspire.ServiceDefaults.Access;

/// <summary>
/// Why a request isn't let in: a sentence for a browser, OpenAI's error shape for everybody else, and Ollama's under its paths.
/// </summary>
/// <param name="Code">As OpenAI's clients know it; null where they know none.</param>
/// <param name="Page">What a person in a browser is told instead; null says the same.</param>
internal sealed record Refusal(int Status, string Words, string? Code = null, string? Page = null)
{
    public async Task WriteAsync(HttpContext context)
    {
        var response = context.Response;
        response.StatusCode = Status;
        KeepPrivate(response);
        if (Status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = "Bearer";
        }
        if (context.Request.GetTypedHeaders().Accept.Any(accepted => accepted.MediaType == "text/html"))
        {
            response.ContentType = "text/plain; charset=utf-8";
            await response.WriteAsync(Page ?? Words, context.RequestAborted);
            return;
        }
        if (context.Request.Path.StartsWithSegments("/api"))
        {
            await response.WriteAsJsonAsync(new { error = Words }, context.RequestAborted);
            return;
        }
        await response.WriteAsJsonAsync(
            new { error = new { message = Words, type = "invalid_request_error", param = (string?)null, code = Code } },
            context.RequestAborted);
    }

    /// <summary>No cache keeps the answer, and no page that is opened next learns this one's address.</summary>
    public static void KeepPrivate(HttpResponse response)
    {
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
    }
}
