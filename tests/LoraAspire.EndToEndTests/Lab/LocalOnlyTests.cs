using System.Net;
using System.Net.Sockets;
using System.Text;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

[Collection(LabCollection.Name)]
public sealed class LocalOnlyTests(LabApp app)
{
    private static readonly HttpClient Http = new();

    [Theory]
    [InlineData("evil.example")]
    [InlineData("127.0.0.1.evil.example")]
    public async Task A_name_that_is_not_this_machine_is_refused(string host)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, app.Address);
        request.Headers.Host = $"{host}:{app.Address.Port}";
        using var answer = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Theory]
    [InlineData("127.0.0.1", "http://localhost:15081/v1")]
    [InlineData(LabApp.OtherHost, $"http://{LabApp.OtherHost}:15081/v1")]
    public async Task The_chat_service_is_named_under_the_host_at_which_the_browser_sees_the_lab(string host, string address)
    {
        var run = await new FinishedRun(app).MadeAsync("named");
        var page = await app.OpenAsync(new UriBuilder(app.Address) { Host = host, Path = $"/runs/{run}" }.ToString());
        await Expect(page.GetByTestId("usage")).ToContainTextAsync($"base_url=\"{address}\"");
    }

    [Theory]
    [InlineData("http://evil.example", HttpStatusCode.Forbidden)]
    [InlineData("null", HttpStatusCode.Forbidden)]
    [InlineData(null, HttpStatusCode.OK)]
    public async Task The_circuit_is_opened_to_its_own_origin_only(string? origin, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(app.Address, "/_blazor/negotiate?negotiateVersion=1"));
        request.Headers.Add("Origin", origin ?? app.Address.GetLeftPart(UriPartial.Authority));
        using var answer = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(expected, answer.StatusCode);
    }

    [Fact]
    public async Task Every_page_names_what_it_may_load_and_breaks_none_of_it()
    {
        using var answer = await Http.GetAsync(app.Address, TestContext.Current.CancellationToken);
        Assert.Contains("script-src 'self'", string.Join(' ', answer.Headers.GetValues("Content-Security-Policy")));

        var complaints = new List<string>();
        var page = await app.OpenAsync("/not-a-page");
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                complaints.Add(message.Text);
            }
        };
        var asked = new List<string>();
        page.Request += (_, request) => asked.Add(request.Url);
        await page.GotoAsync(new Uri(app.Address, "/submit").ToString());
        await Expect(page.Locator(".monaco-editor .view-lines")).ToBeVisibleAsync();
        Assert.Empty(complaints);
        Assert.All(asked,
            url => Assert.True(url.StartsWith("data:", StringComparison.Ordinal) || new Uri(url).Authority == app.Address.Authority, url));
    }

    [Fact]
    public async Task An_artifact_is_shown_and_downloaded_and_nothing_outside_of_it_is()
    {
        var scratch = Directory.CreateTempSubdirectory("lora-artifact-").FullName;
        await File.WriteAllTextAsync(Path.Combine(scratch, "preview.md"), "# <b>rows</b> 雁栖", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(scratch, "curve.svg"),
            "<svg xmlns='http://www.w3.org/2000/svg'><script>parent.document.title = 'run'</script></svg>",
            TestContext.Current.CancellationToken);
        var digest = app.Store.Publish(scratch, ArtifactKind.Dataset, "data-build@1");
        await File.WriteAllTextAsync(Path.Combine(app.Store.Root, "secret.txt"), "secret", TestContext.Current.CancellationToken);
        var run = await app.SubmittedAsync("with-artifact", new StageOutline("data", "data-build", new Dictionary<string, string>()));
        await app.HappenedAsync(
            new StageFinished(run, DateTimeOffset.UtcNow, "data", 1, new Dictionary<string, string> { ["dataset"] = digest }));

        var page = await app.OpenAsync($"/runs/{run}");
        await page.GetByRole(AriaRole.Tab, new() { Name = "Artifacts" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "View" }).Last.ClickAsync();
        await Expect(page.GetByTestId("artifact-text").GetByRole(AriaRole.Heading)).ToHaveTextAsync("<b>rows</b> 雁栖");
        using (var picture = await Http.GetAsync($"{app.Address}pictures/{digest}/curve.svg", TestContext.Current.CancellationToken))
        {
            Assert.Equal("image/svg+xml", picture.Content.Headers.ContentType!.MediaType);
            Assert.Contains("sandbox", Assert.Single(picture.Headers.GetValues("Content-Security-Policy")));
        }
        await using var packed = await Http.GetStreamAsync(new Uri(app.Address, $"/artifacts/{digest}.zip"),
            TestContext.Current.CancellationToken);
        using MemoryStream whole = new();
        await packed.CopyToAsync(whole, TestContext.Current.CancellationToken);
        using System.IO.Compression.ZipArchive zip = new(whole);
        Assert.Equal(["curve.svg", "preview.md"], zip.Entries.Select(entry => entry.FullName).Order());
        Assert.Equal("# <b>rows</b> 雁栖",
            await Http.GetStringAsync(new Uri(app.Address, $"/artifacts/{digest}/preview.md"), TestContext.Current.CancellationToken));

        foreach (var path in new[] { $"{digest}/..%2F..%2Fsecret.txt", $"{digest}/%2e%2e/%2e%2e/secret.txt", $"{digest}/manifest.json",
            $"{digest}//etc/passwd",
            $"../pictures/{digest}/preview.md", $"{new string('0', 64)}.zip", "..%2Fsecret.txt/x", $"{new string('0', 64)}/preview.md" })
        {
            var answer = await RawAsync($"/artifacts/{path}");
            Assert.StartsWith("HTTP/1.1 404 ", answer, StringComparison.Ordinal);
            Assert.DoesNotContain("secret", answer.Replace("secret.txt", "", StringComparison.Ordinal));
        }
    }

    /// <summary>The path as it is written here: a client of HTTP would resolve its dots before it sends it.</summary>
    private async Task<string> RawAsync(string path)
    {
        using TcpClient client = new();
        await client.ConnectAsync(app.Address.Host, app.Address.Port, TestContext.Current.CancellationToken);
        await using var stream = client.GetStream();
        var request = $"GET {path} HTTP/1.1\r\nHost: {app.Address.Authority}\r\nConnection: close\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), TestContext.Current.CancellationToken);
        using StreamReader answer = new(stream);
        return await answer.ReadToEndAsync(TestContext.Current.CancellationToken);
    }
}
