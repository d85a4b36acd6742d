using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace LoraAspire.Runtime;

public static class LoraRuntime
{
    /// <summary>Redis, the store, the folders and the <see cref="Runs.Runs"/> client. Connects on first use and reconnects by itself.</summary>
    public static TBuilder AddLoraRuntime<TBuilder>(this TBuilder builder) where TBuilder : IHostApplicationBuilder
    {
        var paths = LoraPaths.From(builder.Configuration);
        builder.Services.AddSingleton(paths);
        builder.Services.AddSingleton(new StreamOptions());
        builder.Services.AddSingleton(services => new ArtifactStore(paths.Store, services.GetRequiredService<ILogger<ArtifactStore>>()));
        builder.Services.AddSingleton<ContentDigests>();
        builder.Services.AddSingleton(_ => Connect(builder.Configuration.GetConnectionString("redis")));
        builder.Services.AddSingleton<Runs.Runs>();
        builder.Services.AddHealthChecks().Add(new HealthCheckRegistration(
            "redis", services => new RedisHealth(services.GetRequiredService<IConnectionMultiplexer>()), HealthStatus.Unhealthy, ["ready"]));
        return builder;
    }

    /// <exception cref="InvalidOperationException">No connection string was given.</exception>
    public static IConnectionMultiplexer Connect(string? connectionString)
    {
        if (string.IsNullOrEmpty(connectionString))
        {
            throw new InvalidOperationException("No Redis: set ConnectionStrings__redis, or start the whole app with `dotnet run --project LoraAspire.AppHost`.");
        }
        var settings = ConfigurationOptions.Parse(connectionString);
        settings.AbortOnConnectFail = false;
        return ConnectionMultiplexer.Connect(settings);
    }

    private sealed class RedisHealth(IConnectionMultiplexer connection) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            connection.IsConnected && await connection.GetDatabase().PingAsync() is var _
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy("Redis does not answer");
    }
}
