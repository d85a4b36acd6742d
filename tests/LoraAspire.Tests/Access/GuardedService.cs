using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using LoraAspire.Runtime.Access;
using LoraAspire.ServiceDefaults.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace LoraAspire.Tests.Access;

/// <summary>
/// A real service on a free port that has nothing but what every service has, a page, and an endpoint that counts what it is sent.
/// </summary>
internal sealed class GuardedService : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-access-").FullName;
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private WebApplication _app = null!;

    public Uri Address { get; private set; } = null!;

    /// <summary>Null when this service asks for none.</summary>
    public string? Key { get; private set; }

    public string KeyFile => Path.Combine(_folder, "state", "api-key");

    public static async Task<GuardedService> StartAsync(bool withKey = false, string? hosts = null, IPAddress? listen = null)
    {
        var service = new GuardedService();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            [ApiKeyFile.Variable] = withKey ? service.KeyFile : null,
            [AccessRules.HostsVariable] = hosts,
        });
        builder.WebHost.UseUrls($"http://{listen ?? IPAddress.Loopback}:0");
        builder.AddServiceDefaults();
        service._app = builder.Build();
        service._app.MapDefaultEndpoints();
        service._app.MapGet("/", () => "the page");
        service._app.MapPost("/count", async (HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            return body.Length;
        });
        await service._app.StartAsync(TestContext.Current.CancellationToken);
        service.Address = new Uri(service._app.Urls.Single());
        service.Key = withKey ? ApiKeyFile.Read(service.KeyFile) : null;
        return service;
    }

    /// <summary>An address of this machine that is not loopback; null when it has none.</summary>
    public static IPAddress? OwnAddress() =>
        NetworkInterface.GetAllNetworkInterfaces().Where(network => network.OperationalStatus == OperationalStatus.Up)
        .SelectMany(network => network.GetIPProperties().UnicastAddresses).Select(unicast => unicast.Address)
        .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address));

    public async Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Address, path));
        return await SendAsync(request, headers);
    }

    public async Task<Answer> PostAsync(string path, byte[] body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Address, path)) { Content = new ByteArrayContent(body) };
        // The body is sent after the service has said that it wants it.
        request.Headers.ExpectContinue = true;
        return await SendAsync(request, headers);
    }

    private async Task<Answer> SendAsync(HttpRequestMessage request, (string Name, string Value)[] headers)
    {
        foreach (var (name, value) in headers)
        {
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        }
        using var response = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        return new(response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            response.Headers.Concat(response.Content.Headers)
                .ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _app.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}

internal sealed record Answer(HttpStatusCode Status, string Text, IReadOnlyDictionary<string, string> Headers);
