using System.Collections.Concurrent;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace LoraAspire.Tests.DataBuild.Written;

/// <summary>
/// An HTTP server that speaks OpenAI's chat completions and misbehaves as its script says, one step for each request; the last step
/// repeats.
/// </summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Func<HttpContext, Task>> _steps;
    private readonly Func<HttpContext, Task> _last;

    private ScriptedServer(WebApplication app, Func<HttpContext, Task>[] steps) => (_app, _steps, _last) = (app, new(steps), steps[^1]);

    public ConcurrentQueue<SeenRequest> Seen { get; } = [];

    public string Address => _app.Urls.Single() + "/v1";

    public static async Task<ScriptedServer> StartAsync(params Func<HttpContext, Task>[] steps)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        ScriptedServer server = new(builder.Build(), steps);
        server._app.Run(server.ServeAsync);
        await server._app.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    private async Task ServeAsync(HttpContext http)
    {
        using StreamReader body = new(http.Request.Body);
        SeenRequest seen = new(http.Request.Path, http.Request.Headers.Authorization.ToString(),
            JsonElement.Parse(await body.ReadToEndAsync()));
        Seen.Enqueue(seen);
        http.Items[nameof(SeenRequest)] = seen;
        await (_steps.TryDequeue(out var step) ? step : _last)(http);
    }

    public static Func<HttpContext, Task> Says(string text, string finish = "stop") => http => Json(http, Completion(text, finish));

    /// <summary>What a step answers may depend on what is asked.</summary>
    public static Func<HttpContext, Task> Answers(Func<SeenRequest, string> text) =>
        http => Json(http, Completion(text((SeenRequest)http.Items[nameof(SeenRequest)]!), "stop"));

    public static Func<HttpContext, Task> Body(string body) => http => Json(http, body);

    public static Func<HttpContext, Task> Fails(int status, string? retryAfter = null,
        string body = """{"error":{"message":"no","type":"server_error"}}""") => http =>
    {
        http.Response.StatusCode = status;
        if (retryAfter is not null)
        {
            http.Response.Headers.RetryAfter = retryAfter;
        }
        return Json(http, body);
    };

    /// <summary>The first bytes of an answer, and then the connection is gone.</summary>
    public static async Task CutOff(HttpContext http)
    {
        var bytes = Encoding.UTF8.GetBytes(Completion("1. Cut", "stop"));
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = bytes.Length;
        await http.Response.Body.WriteAsync(bytes.AsMemory(0, 40));
        await http.Response.Body.FlushAsync();
        http.Abort();
    }

    /// <summary>Nothing, until the client gives up.</summary>
    public static Task Hangs(HttpContext http)
    {
        TaskCompletionSource gone = new();
        http.RequestAborted.Register(gone.SetResult);
        return gone.Task;
    }

    public static string Completion(string text, string finish) => JsonSerializer.Serialize(new
    {
        id = "c1",
        @object = "chat.completion",
        created = 1,
        model = "scripted",
        choices = new[] { new { index = 0, finish_reason = finish, message = new { role = "assistant", content = text } } },
        usage = new { prompt_tokens = 1, completion_tokens = 1, total_tokens = 2 },
    }, new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private static Task Json(HttpContext http, string body)
    {
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(body);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}

internal sealed record SeenRequest(string Path, string Authorization, JsonElement Body)
{
    public string Prompt => Body.GetProperty("messages")[1].GetProperty("content").GetString()!;
}
