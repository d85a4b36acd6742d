using System.Net;
using System.Net.Sockets;
using System.Text;
using LoraAspire.Runtime.Access;
using LoraAspire.ServiceDefaults.Access;
using Microsoft.AspNetCore.Http;

namespace LoraAspire.Tests.Access;

/// <summary>What <c>AddServiceDefaults</c> alone puts before a service, asked over real connections.</summary>
public sealed class AccessTests
{
    [Theory]
    [InlineData("evil.example")]
    [InlineData("127.0.0.1.evil.example")]
    [InlineData("localhost.evil.example")]
    [InlineData("192.0.2.7")]
    [InlineData("[2001:db8::7]")]
    public async Task A_host_that_is_not_this_machine_is_refused_in_words(string host)
    {
        await using var service = await GuardedService.StartAsync();
        foreach (var path in new[] { "/", "/health", "/login" })
        {
            var answer = await service.GetAsync(path, ("Host", $"{host}:{service.Address.Port}"));
            Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
            Assert.Contains("LORA_ALLOWED_HOSTS", answer.Text);
        }
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("LOCALHOST")]
    [InlineData("127.0.0.1")]
    [InlineData("[::1]")]
    [InlineData("pages.lab.example")]
    [InlineData("Other.lab.example")]
    public async Task This_machine_and_the_hosts_that_were_named_are_answered(string host)
    {
        await using var service = await GuardedService.StartAsync(hosts: "pages.lab.example, other.lab.example");
        Assert.Equal(HttpStatusCode.OK, (await service.GetAsync("/", ("Host", $"{host}:{service.Address.Port}"))).Status);
    }

    [Fact]
    public async Task Any_literal_address_is_answered_where_a_key_guards_and_a_name_is_not()
    {
        await using var service = await GuardedService.StartAsync(withKey: true);
        var bearer = ("Authorization", $"Bearer {service.Key}");
        Assert.Equal(HttpStatusCode.OK, (await service.GetAsync("/", ("Host", "192.0.2.7:15080"), bearer)).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await service.GetAsync("/", ("Host", "evil.example:15080"), bearer)).Status);
    }

    [Theory]
    [InlineData("http://evil.example")]
    [InlineData("null")]
    [InlineData("https://localhost")]
    public async Task A_page_of_another_origin_is_refused_and_its_own_is_not(string origin)
    {
        await using var service = await GuardedService.StartAsync();
        Assert.Equal(HttpStatusCode.Forbidden, (await service.PostAsync("/count", [1], ("Origin", origin))).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await service.GetAsync("/health", ("Origin", origin))).Status);
        Assert.Equal("1", (await service.PostAsync("/count", [1], ("Origin", service.Address.GetLeftPart(UriPartial.Authority)))).Text);
    }

    [Fact]
    public async Task Under_Ollama_s_paths_a_refusal_has_its_shape()
    {
        await using var service = await GuardedService.StartAsync();
        var answer = await service.GetAsync("/api/tags", ("Origin", "https://example.org"));
        Assert.Equal(HttpStatusCode.Forbidden, answer.Status);
        Assert.Equal(System.Text.Json.JsonValueKind.String,
            System.Text.Json.JsonElement.Parse(answer.Text).GetProperty("error").ValueKind);
    }

    [Fact]
    public async Task Two_origins_at_once_are_refused_though_one_is_its_own()
    {
        await using var service = await GuardedService.StartAsync();
        var own = service.Address.GetLeftPart(UriPartial.Authority);
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, service.Address.Port, TestContext.Current.CancellationToken);
        await using var stream = client.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: {service.Address.Authority}\r\nOrigin: {own}\r\nOrigin: "
                + "http://evil.example\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream);
        Assert.StartsWith("HTTP/1.1 403", await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_body_over_the_limit_is_413_and_one_at_the_limit_is_taken()
    {
        await using var service = await GuardedService.StartAsync();
        Assert.Equal($"{AccessLimits.Body}", (await service.PostAsync("/count", new byte[AccessLimits.Body])).Text);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await service.PostAsync("/count", new byte[AccessLimits.Body + 1])).Status);
    }

    [Fact]
    public async Task Headers_over_the_limit_are_431()
    {
        await using var service = await GuardedService.StartAsync();
        Assert.Equal(HttpStatusCode.RequestHeaderFieldsTooLarge, (await service.GetAsync("/", ("X-Long", new string('x', 20_000)))).Status);
    }

    [Fact]
    public async Task Without_a_key_file_what_comes_from_beyond_is_refused_with_the_remedy()
    {
        var own = GuardedService.OwnAddress();
        Assert.SkipWhen(own is null, "This machine has no address besides loopback; the rule itself is tested by its own.");
        await using var service = await GuardedService.StartAsync(listen: IPAddress.Any, hosts: $"{own}");
        var page = new UriBuilder(service.Address) { Host = $"{own}" }.Uri;

        var answer = await service.GetAsync(page.ToString());
        Assert.Equal(HttpStatusCode.Forbidden, answer.Status);
        Assert.Contains(ApiKeyFile.Variable, answer.Text);
        Assert.Equal(HttpStatusCode.OK, (await service.GetAsync(new Uri(page, "/alive").ToString())).Status);
        Assert.Equal("the page", (await service.GetAsync($"http://localhost:{page.Port}/")).Text);
    }

    [Fact]
    public async Task With_the_key_what_comes_from_beyond_is_answered()
    {
        var own = GuardedService.OwnAddress();
        Assert.SkipWhen(own is null, "This machine has no address besides loopback.");
        await using var service = await GuardedService.StartAsync(withKey: true, listen: IPAddress.Any);
        var page = new UriBuilder(service.Address) { Host = $"{own}" }.Uri.ToString();

        Assert.Equal(HttpStatusCode.Unauthorized, (await service.GetAsync(page)).Status);
        Assert.Equal("the page", (await service.GetAsync(page, ("Authorization", $"Bearer {service.Key}"))).Text);
    }

    [Theory]
    [InlineData("192.0.2.7", 403)]
    [InlineData("::ffff:192.0.2.7", 403)]
    [InlineData("2001:db8::7", 403)]
    [InlineData("127.0.0.1", null)]
    [InlineData("127.9.9.9", null)]
    [InlineData("::1", null)]
    [InlineData("::ffff:127.0.0.2", null)]
    [InlineData(null, null)]
    public void Where_a_request_arrived_decides_whether_it_came_from_beyond(string? local, int? refused)
    {
        var context = new DefaultHttpContext();
        context.Request.Host = new HostString("localhost", 15080);
        context.Request.Path = "/v1/models";
        context.Connection.LocalIpAddress = local is null ? null : IPAddress.Parse(local);
        Assert.Equal(refused, new AccessRules(new HashSet<string>(), null).Refuse(context)?.Status);
    }
}
