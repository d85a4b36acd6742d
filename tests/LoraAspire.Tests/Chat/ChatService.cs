using System.Net;
using System.Text;
using System.Text.Json;
using LoraAspire.Chat;
using LoraAspire.Chat.Models;
using LoraAspire.Chat.Ollama;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Chat.Requests;
using LoraAspire.Runtime;
using LoraAspire.ServiceDefaults.Access;
using LoraAspire.Tests.Adapters;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace LoraAspire.Tests.Chat;

/// <summary>
/// The chat service in this process, with a clock that is moved by hand and the model "tuned", which says one thing: the answer, after a
/// prompt that ends in "!" as its own template makes them.
/// </summary>
/// <param name="client">Answers instead of the models, for what no model does when it is told.</param>
internal sealed class ChatService(string answer, IChatClient? client = null) : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lora-chat-");
    private WebApplication _app = null!;

    public FakeTimeProvider Clock { get; } = new(new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));

    public HttpClient Http { get; } = new();

    /// <summary>What the endpoints ask.</summary>
    public IChatClient Client => _app.Services.GetRequiredService<IChatClient>();

    /// <summary>The model's folder.</summary>
    public string Model => Path.Combine(_folder.FullName, "models", "tuned");

    public async ValueTask StartAsync()
    {
        LoraAspire.Model.Native.LibTorch.Load();
        Directory.CreateDirectory(Model);
        SpeakingModel.Save(Model, after: "!", answer);
        SpeakingModel.SaveTemplate(Model, "{instruction}!");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = AccessLimits.ConversationBody);
        builder.Services.AddSingleton(new LoraPaths(_folder.FullName, Path.Combine(_folder.FullName, "store"), _folder.FullName,
            Path.GetDirectoryName(Model)!));
        builder.Services.AddSingleton<TimeProvider>(Clock);
        builder.Services.AddSingleton(new IdleTime((TimeSpan?)null));
        builder.Services.AddSingleton<ModelCatalog>().AddSingleton<ModelPool>().AddSingleton<ModelRunner>().AddSingleton<LocalChatClient>();
        builder.Services.AddSingleton(services => client ?? services.GetRequiredService<LocalChatClient>());
        _app = builder.Build();
        _app.UseMiddleware<ErrorShape>();
        _app.MapModels();
        _app.MapChatCompletions();
        _app.MapCompletions();
        _app.MapEmbeddings();
        _app.MapResponses();
        _app.MapTokens();
        _app.MapOllama();
        await _app.StartAsync(TestContext.Current.CancellationToken);
        Http.BaseAddress = new Uri(_app.Urls.Single());
    }

    /// <summary>Serves "tuned" under another name too.</summary>
    public void Deploy(string name) => _app.Services.GetRequiredService<ModelCatalog>().Deploy(name, new(Model));

    public Task<ServiceAnswer> GetAsync(string path) => SendAsync(new(HttpMethod.Get, path));

    public Task<ServiceAnswer> PostAsync(string path, string body, string type = "application/json") =>
        SendAsync(new(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, type) });

    public async Task<ServiceAnswer> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
            using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
            return new(response.StatusCode, response.Content.Headers.ContentType?.ToString(),
                await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
                response.Headers.TryGetValues(WarningHeader.Name, out var warnings) ? [.. warnings] : [],
                response.Headers.RetryAfter?.ToString());
        }
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}

internal sealed record ServiceAnswer(HttpStatusCode Status, string? Type, string Text, IReadOnlyList<string> Warnings, string? RetryAfter)
{
    public JsonElement Json => JsonElement.Parse(Text);

    /// <summary>Of OpenAI's error shape.</summary>
    public (string? Message, string? Type, string? Param, string? Code) Error
    {
        get
        {
            var error = Json.GetProperty("error");
            string? Of(string name) => error.GetProperty(name).GetString();
            return (Of("message"), Of("type"), Of("param"), Of("code"));
        }
    }
}
