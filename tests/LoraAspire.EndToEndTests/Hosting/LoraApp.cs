using Aspire.Hosting;
using Aspire.Hosting.Testing;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.EndToEndTests.Hosting;

/// <summary>
/// The whole app by Aspire's testing host, on folders of its own: the shipped pipelines, small data, and the tiny base under every base's
/// name.
/// </summary>
public sealed class LoraApp : IAsyncLifetime
{
    private static readonly TimeSpan s_startPatience = TimeSpan.FromMinutes(4);

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-app-").FullName;
    private ConnectionMultiplexer? _redis;

    public DistributedApplication App { get; private set; } = null!;

    public RunClient Runs => new(_redis!, new StreamSettings());

    public ArtifactStore Store => new(Path.Combine(State, "store"));

    public string State => Path.Combine(_folder, "state");

    public string Data => Path.Combine(_folder, "data");

    public string Models => Path.Combine(_folder, "models");

    public async ValueTask InitializeAsync()
    {
        SmallWorld.Write(Data, Models);
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.LoraAspire_AppHost>(
        [
            "--state", State, "--data", Data, "--models", Models,
            "--lab-port", "0", "--chat-port", "0", "--dashboard-port", "0",
            "--replicas", "trainer=2",
        ]);
        App = await builder.BuildAsync();
        using var late = new CancellationTokenSource(s_startPatience);
        await App.StartAsync(late.Token);
        foreach (var name in Names)
        {
            await App.ResourceNotifications.WaitForResourceHealthyAsync(name, late.Token);
        }
        _redis = await ConnectionMultiplexer.ConnectAsync(await App.GetConnectionStringAsync("redis", late.Token) ?? "");
    }

    public static IReadOnlyList<string> Names { get; } = ["redis", "coordinator", .. StageKinds.All.Select(kind => kind.Name), "lab"];

    public async ValueTask DisposeAsync()
    {
        if (_redis is not null)
        {
            await _redis.DisposeAsync();
        }
        if (App is not null)
        {
            await App.StopAsync();
            await App.DisposeAsync();
        }
        Directory.Delete(_folder, recursive: true);
    }
}

[CollectionDefinition(Name)]
public sealed class LoraAppCollection : ICollectionFixture<LoraApp>
{
    public const string Name = "the whole app";
}
