using LoraAspire.Chat.Requests;

namespace LoraAspire.Chat.Streaming;

/// <summary>An answer that is written piece by piece, each as it comes.</summary>
/// <param name="frames">The texts to write; an error before the first has its status, one after it is told in the stream.</param>
public sealed class StreamResult(IAsyncEnumerable<string> frames, string contentType, Prompted prompted) : IResult
{
    public const string Events = "text/event-stream", Lines = "application/x-ndjson";

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var (response, aborted) = (httpContext.Response, httpContext.RequestAborted);
        await using var pieces = frames.GetAsyncEnumerator(aborted);
        var first = pieces.MoveNextAsync().AsTask();
        await prompted.HeadersAsync(first, httpContext.RequestServices.GetRequiredService<TimeProvider>());
        if (first.IsCompleted)
        {
            await first;
        }
        try
        {
            response.ContentType = contentType;
            response.Headers.CacheControl = "no-cache";
            // A proxy before us that gathers a response before it passes it on is told not to (nginx).
            response.Headers["X-Accel-Buffering"] = "no";
            response.Warn(prompted.Warnings);
            await response.StartAsync(aborted);
            await response.Body.FlushAsync(aborted);
        }
        catch
        {
            // An iterator in the middle of a step can't be disposed of.
            await ((Task)first).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        for (var more = await first; more; more = await pieces.MoveNextAsync())
        {
            await response.WriteAsync(pieces.Current, aborted);
            await response.Body.FlushAsync(aborted);
        }
    }
}
