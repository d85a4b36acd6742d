using LoraAspire.Cli.Doctor;
using LoraAspire.Runtime;
using StackExchange.Redis;

namespace LoraAspire.RedisTests.Cli;

public sealed class RedisCheckTests(RedisServer server)
{
    [Fact]
    public async Task The_Redis_of_a_running_app_tells_doctor_its_version()
    {
        await using var installation = new Installation(server);
        // As the app writes it for everyone: not for an administrator.
        var address = ConfigurationOptions.Parse(installation.Connection.Configuration);
        address.AllowAdmin = false;
        AppAddresses app = new(address.ToString(includePassword: true), Lab: "", Chat: "", Dashboard: null, Environment.ProcessId);

        var check = await RedisCheck.LookAsync(app, TestContext.Current.CancellationToken);

        Assert.NotEqual(Health.Failure, check.Health);
        Assert.Matches(@"\d+\.\d+\.\d+, the one that answers", check.Found);
    }
}
