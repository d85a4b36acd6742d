using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace LoraAspire.Tests.Hosting;

public sealed class ModelTests
{
    [Fact]
    public async Task Names_that_differ_only_in_case_are_duplicates()
    {
        await using var test = new TestApp();
        test.Shell("worker", "true");
        var refused = Assert.Throws<DistributedApplicationException>(() => test.Shell("Worker", "true"));
        Assert.Contains("'Worker'", refused.Message);
    }

    [Theory]
    [InlineData("two words")]
    [InlineData("under_score")]
    [InlineData("-leading")]
    [InlineData("trailing-")]
    [InlineData("double--hyphen")]
    public async Task A_name_of_other_than_letters_digits_and_single_hyphens_is_refused(string name)
    {
        await using var test = new TestApp();
        Assert.Throws<ArgumentException>(() => test.Shell(name, "true"));
    }

    [Fact]
    public async Task A_resource_cannot_wait_for_itself()
    {
        await using var test = new TestApp();
        var worker = test.Shell("worker", "true");
        Assert.Throws<DistributedApplicationException>(() => worker.WaitFor(worker));
    }

    [Fact]
    public async Task An_endpoint_is_named_once()
    {
        await using var test = new TestApp();
        var web = test.Shell("web", "true").WithHttpEndpoint();
        Assert.Throws<DistributedApplicationException>(() => web.WithHttpEndpoint());
    }

    [Fact]
    public async Task A_reference_to_a_service_gives_its_address_in_both_forms()
    {
        await using var test = new TestApp();
        var trainer = test.Builder.AddProject("trainer", "trainer.csproj").WithHttpEndpoint();
        Allocate(trainer.Resource, 1234);
        var client = test.Shell("client", "true").WithReference(trainer);

        var environment = await TestApp.EnvironmentOfAsync(client.Resource);

        Assert.Equal("http://localhost:1234", environment["services__trainer__http__0"]);
        Assert.Equal("http://localhost:1234", environment["TRAINER_HTTP"]);
    }

    [Fact]
    public async Task A_reference_to_redis_gives_its_connection_string_and_its_parts()
    {
        await using var test = new TestApp();
        var password = test.Builder.AddParameter("secret", "s3cret", secret: true);
        var redis = test.Builder.AddRedis("redis", password: password);
        Allocate(redis.Resource, 6400);
        var client = test.Shell("client", "true").WithReference(redis);

        var environment = await TestApp.EnvironmentOfAsync(client.Resource);

        Assert.Equal("localhost:6400,password=s3cret", environment["ConnectionStrings__redis"]);
        Assert.Equal("localhost", environment["REDIS_HOST"]);
        Assert.Equal("6400", environment["REDIS_PORT"]);
        Assert.Equal("s3cret", environment["REDIS_PASSWORD"]);
        Assert.Equal("redis://:s3cret@localhost:6400", environment["REDIS_URI"]);
    }

    [Fact]
    public async Task A_redis_given_from_outside_takes_the_place_of_ours()
    {
        await using var test = new TestApp();
        test.Builder.Configuration["ConnectionStrings:redis"] = "elsewhere:6379";
        var client = test.Shell("client", "true").WithReference(test.Builder.AddRedis("redis"));
        var environment = await TestApp.EnvironmentOfAsync(client.Resource);
        Assert.Equal("elsewhere:6379", environment["ConnectionStrings__redis"]);
        Assert.DoesNotContain("REDIS_HOST", environment.Keys);
    }

    [Fact]
    public async Task An_interpolated_value_is_resolved_when_the_resource_starts()
    {
        await using var test = new TestApp();
        var web = test.Shell("web", "true").WithHttpEndpoint(name: "http");
        var client = test.Shell("client", "true").WithEnvironment("URL", $"{web.GetEndpoint("http")}/v1");
        Allocate(web.Resource, 4321);
        Assert.Equal("http://localhost:4321/v1", (await TestApp.EnvironmentOfAsync(client.Resource))["URL"]);
    }

    [Fact]
    public async Task A_parameter_without_a_value_says_which_key_is_missing()
    {
        await using var test = new TestApp();
        var parameter = test.Builder.AddParameter("token").Resource;
        var missing = await Assert.ThrowsAsync<MissingParameterValueException>(async () => await parameter.GetValueAsync(TestContext.Current.CancellationToken));
        Assert.Contains("Parameters:token", missing.Message);
    }

    private static void Allocate(IResource resource, int port)
    {
        var endpoint = resource.Annotations.OfType<EndpointAnnotation>().Single();
        endpoint.AllocatedEndpoint = new AllocatedEndpoint(endpoint, "localhost", port);
    }
}
