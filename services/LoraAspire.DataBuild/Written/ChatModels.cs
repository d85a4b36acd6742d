using System.Net;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.ServiceDiscovery.Http;

namespace LoraAspire.DataBuild.Written;

/// <summary>Connections to a writer's endpoint. What is tried again is decided, and counted, by <see cref="WriterRequests"/>.</summary>
/// <param name="discovery">Finds our chat service by its name; null where no app model runs.</param>
public sealed class ChatModels(IConfiguration? configuration = null, IServiceDiscoveryHttpMessageHandlerFactory? discovery = null)
{
    internal const int Megabytes = 4;

    /// <summary>How long to wait for what; tests wait less.</summary>
    internal WriterTiming Timing { get; init; } = new();

    /// <exception cref="StageException">Our chat service is asked for, and nothing says where it is.</exception>
    internal HttpClient Connect(WriterEndpoint endpoint)
    {
        var named = endpoint.Address == WriterEndpoint.ChatService;
        if (named && (discovery is null || configuration?.GetSection("services:chat").Exists() is not true))
        {
            throw new StageException("The writer's provider is this project's chat service, and nothing says where it listens. Start the "
                + "whole app (dotnet run --project LoraAspire.AppHost), or give writer.address, such as http://127.0.0.1:15081/v1.");
        }
        // The key must not follow a redirect, nor go to a loopback address by way of a proxy.
        HttpMessageHandler http = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = !named && !endpoint.Address.IsLoopback,
            AutomaticDecompression = DecompressionMethods.All
        };
        return new(named ? discovery!.CreateHandler(http) : http)
        {
            BaseAddress = new(endpoint.Address.AbsoluteUri.TrimEnd('/') + '/'),
            DefaultRequestHeaders = { Authorization = endpoint.Key is { } key ? new("Bearer", key) : null },
            MaxResponseContentBufferSize = Megabytes << 20,
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }
}
