using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace LoraAspire.Runtime;

public static class LoraRuntime
{
    private const string ConnectionName = "redis";
    private const string NoRedis =
        "No Redis: set ConnectionStrings__redis, or start the whole app with `dotnet run --project LoraAspire.AppHost`.";

    /// <summary>
    /// Redis, the store, the folders and the <see cref="Runs.RunClient"/> client. Connects on first use and reconnects by itself. From here
    /// on the process writes for its user alone.
    /// </summary>
    public static TBuilder AddLoraRuntime<TBuilder>(this TBuilder builder) where TBuilder : IHostApplicationBuilder
    {
        var paths = LoraPaths.From(builder.Configuration);
        PrivateFolder.MaskOthers();
        PrivateFolder.TryClaim(paths.Store);
        builder.Services.AddSingleton(paths);
        builder.Services.AddSingleton(new StreamSettings());
        builder.Services.AddSingleton(services => new ArtifactStore(paths.Store, services.GetRequiredService<ILogger<ArtifactStore>>()));
        builder.Services.AddSingleton<ContentDigests>();
        builder.AddRedis();
        builder.Services.AddSingleton<Runs.RunClient>();
        builder.Services.AddSingleton<Runs.RunBoard>();
        return builder;
    }

    /// <summary>
    /// Aspire's client: health check and metrics. Not its traces: a span for every look at a stream would bury those of runs.
    /// </summary>
    private static void AddRedis<TBuilder>(this TBuilder builder) where TBuilder : IHostApplicationBuilder
    {
        if (string.IsNullOrEmpty(builder.Configuration.GetConnectionString(ConnectionName)))
        {
            // Asked for only where it is needed: a stage that runs once does without.
            builder.Services.AddSingleton<IConnectionMultiplexer>(_ => throw new InvalidOperationException(NoRedis));
            return;
        }
        builder.AddRedisClient(ConnectionName, settings => settings.DisableTracing = true, options => options.AbortOnConnectFail = false);
    }

    /// <summary>For programs that are no service: connects on first use and reconnects by itself.</summary>
    /// <exception cref="InvalidOperationException">No connection string was given.</exception>
    public static IConnectionMultiplexer Connect(string? connectionString)
    {
        if (string.IsNullOrEmpty(connectionString))
        {
            throw new InvalidOperationException(NoRedis);
        }
        var settings = ConfigurationOptions.Parse(connectionString);
        settings.AbortOnConnectFail = false;
        return ConnectionMultiplexer.Connect(settings);
    }
}
