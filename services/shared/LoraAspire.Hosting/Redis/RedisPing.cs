using System.Net.Sockets;
using System.Text;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LoraAspire.Hosting.Redis;

/// <summary>Healthy when a PING with the password is answered; a server that still loads its log is not.</summary>
internal static class RedisPing
{
    public static async Task<HealthCheckResult> CheckAsync(RedisResource redis, CancellationToken cancellationToken)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(redis.PrimaryEndpoint.Host, redis.PrimaryEndpoint.Port, cancellationToken);
            await using var stream = client.GetStream();
            var password = redis.PasswordParameter is { } parameter ? await parameter.GetValueAsync(cancellationToken) : null;
            await stream.WriteAsync(Encoding.ASCII.GetBytes(password is null ? "PING\r\n" : $"AUTH {password}\r\nPING\r\n"), cancellationToken);
            using var reader = new StreamReader(stream, Encoding.ASCII);
            var answer = await reader.ReadLineAsync(cancellationToken);
            if (password is not null && answer == "+OK")
            {
                answer = await reader.ReadLineAsync(cancellationToken);
            }
            return answer == "+PONG" ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy(answer);
        }
        catch (Exception fault) when (fault is SocketException or IOException)
        {
            return HealthCheckResult.Unhealthy(fault.Message);
        }
    }
}
