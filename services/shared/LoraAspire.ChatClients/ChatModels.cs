using System.ClientModel;
using System.ClientModel.Primitives;
using System.Net;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.ServiceDiscovery.Http;
using OpenAI;

namespace LoraAspire.ChatClients;

/// <summary>
/// Chat clients for an endpoint. One call is one HTTP request: what is tried again is decided, and counted, by
/// <see cref="ChatRequests"/>.
/// </summary>
/// <param name="discovery">Finds our chat service by its name; null where no app model runs.</param>
public sealed class ChatModels(IConfiguration? configuration = null, IServiceDiscoveryHttpMessageHandlerFactory? discovery = null)
{
    /// <summary>How long to wait for what; tests wait less.</summary>
    internal ChatTiming Timing { get; init; } = new();

    /// <summary>With the service's configuration and discovery.</summary>
    public static void AddTo(IServiceCollection services) => services.AddSingleton<ChatModels>();

    /// <exception cref="StageException">Our chat service is asked for, and nothing says where it is.</exception>
    internal IChatClient Connect(ChatEndpoint endpoint, string model, ChatUse use)
    {
        var named = endpoint.Address == ChatEndpoint.ChatService;
        if (named && (discovery is null || configuration?.GetSection("services:chat").Exists() is not true))
        {
            throw new StageException($"The {use.Role}'s provider is this project's chat service, and nothing says where it listens. Start "
                + "the whole app (dotnet run --project LoraAspire.AppHost), or give "
                + $"{use.Role}.address, such as http://127.0.0.1:15081/v1.");
        }
        // The key must not follow a redirect, nor go to a loopback address by way of a proxy.
        HttpMessageHandler http = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = !named && !endpoint.Address.IsLoopback,
            AutomaticDecompression = DecompressionMethods.All
        };
        HttpClient client = new(new CanonicalAnswer(named ? discovery!.CreateHandler(http) : http)) { Timeout = Timeout.InfiniteTimeSpan };
        return new OpenAIClient(new ApiKeyCredential(endpoint.Key ?? "none"), new OpenAIClientOptions
        {
            Endpoint = endpoint.Address,
            Transport = new HttpClientPipelineTransport(client),
            RetryPolicy = new ClientRetryPolicy(maxRetries: 0),
            NetworkTimeout = Timeout.InfiniteTimeSpan,
        }).GetChatClient(model).AsIChatClient();
    }
}
