using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.RedisTests;

/// <summary>A Redis for several machines: TLS with a certificate of one's own, and the users of deploy/users.acl.</summary>
public sealed class GuardedRedisTests : IAsyncLifetime
{
    private const string Password = "a-password-of-lora", ForKeda = "a-password-of-keda";

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-guarded-").FullName;
    private RedisServer _server = null!;
    private int _port;

    public async ValueTask InitializeAsync()
    {
        WriteCertificates();
        var users = await File.ReadAllTextAsync(Path.Combine(LoraPaths.Checkout()!, "deploy", "users.acl"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "users.acl"),
            users.Replace("LORA_PASSWORD", Password, StringComparison.Ordinal).Replace("KEDA_PASSWORD", ForKeda, StringComparison.Ordinal));
        // The variable that StackExchange.Redis reads, as docs/deploy.md says; connections without TLS don't look at it.
        Environment.SetEnvironmentVariable("SERedis_IssuerCertPath", Path.Combine(_folder, "ca.crt"));
        _server = new()
        {
            Arguments = port => $"--port 0 --tls-port {_port = port} --tls-cert-file {_folder}/redis.crt "
                + $"--tls-key-file {_folder}/redis.key --tls-ca-cert-file {_folder}/ca.crt --tls-auth-clients no "
                + $"--aclfile {_folder}/users.acl",
            ConnectionString = _ => As("lora", Password),
        };
        await _server.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Environment.SetEnvironmentVariable("SERedis_IssuerCertPath", null);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_run_goes_over_TLS_by_a_user_who_may_no_more_than_it_needs()
    {
        await using var installation = new Installation(_server);
        await installation.StartCoordinatorAsync();
        await installation.StartPulseAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);

        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        var state = await installation.EndOfAsync(run);
        await installation.Runs.CancelAsync(run);

        Assert.Equal(RunStatus.Succeeded, state.Status);
        Assert.Contains(run, (await installation.Runs.ListAsync()).Select(listed => listed.Id));
        await ForbiddenAsync(installation.Redis, "SORT", Keys.Runs);
        await ForbiddenAsync(installation.Redis, "ACL", "LIST");
        await ForbiddenAsync(installation.Redis, "SET", "other:key", "1");
    }

    [Fact]
    public async Task The_user_that_starts_workers_sees_how_many_orders_wait_and_nothing_else()
    {
        await _server.Connection.GetDatabase().StreamAddAsync(Keys.Work("trainer"), "a", "b");
        await using var connection = await ConnectionMultiplexer.ConnectAsync(As("keda", ForKeda));
        var redis = connection.GetDatabase();

        Assert.Equal(1, await redis.StreamLengthAsync(Keys.Work("trainer")));
        await ForbiddenAsync(redis, "XRANGE", Keys.Work("trainer"), "-", "+");
        await ForbiddenAsync(redis, "XLEN", Keys.Inbox);
    }

    [Fact]
    public async Task Who_has_no_password_is_sent_away()
    {
        await Assert.ThrowsAsync<RedisConnectionException>(() => ConnectionMultiplexer.ConnectAsync(
            $"localhost:{_port},ssl=true,connectTimeout=5000,connectRetry=0"));
    }

    private string As(string user, string password) => $"localhost:{_port},ssl=true,user={user},password={password},connectTimeout=10000";

    private static async Task ForbiddenAsync(IDatabase redis, string command, params object[] arguments) =>
        Assert.StartsWith("NOPERM", (await Assert.ThrowsAsync<RedisServerException>(() => redis.ExecuteAsync(command, arguments))).Message,
            StringComparison.Ordinal);

    /// <summary>An authority of our own, and a certificate of its for localhost.</summary>
    private void WriteCertificates()
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=LoraAspire tests", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var (from, until) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var authority = request.CreateSelfSigned(from, until);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var server = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        server.CertificateExtensions.Add(names.Build());
        using var certificate = server.Create(authority, from, until, [1, 2, 3, 4]);

        File.WriteAllText(Path.Combine(_folder, "ca.crt"), authority.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "redis.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "redis.key"), key.ExportPkcs8PrivateKeyPem());
    }
}
