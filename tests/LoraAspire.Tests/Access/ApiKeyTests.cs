using System.Net;
using System.Text.Json;
using LoraAspire.Runtime.Access;
using LoraAspire.ServiceDefaults.Access;

namespace LoraAspire.Tests.Access;

public sealed class ApiKeyTests
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Fact]
    public async Task Without_the_key_only_health_and_the_login_are_answered()
    {
        await using var service = await GuardedService.StartAsync(withKey: true);
        Assert.Equal(HttpStatusCode.OK, (await service.GetAsync("/health")).Status);
        Assert.Equal(HttpStatusCode.OK, (await service.GetAsync("/alive")).Status);
        foreach (var path in new[] { "/", "/nowhere", "/health/x", "/login/x", "/count" })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await service.GetAsync(path)).Status);
        }
        Assert.Equal(HttpStatusCode.Unauthorized, (await service.PostAsync("/count", [1])).Status);
    }

    [Fact]
    public async Task The_key_as_bearer_opens()
    {
        await using var service = await GuardedService.StartAsync(withKey: true);
        Assert.Equal("the page", (await service.GetAsync("/", ("Authorization", $"Bearer {service.Key}"))).Text);
        Assert.Equal("the page", (await service.GetAsync("/", ("authorization", $"bearer {service.Key}"))).Text);
    }

    [Fact]
    public async Task Nothing_that_resembles_the_key_opens()
    {
        await using var service = await GuardedService.StartAsync(withKey: true);
        var key = service.Key!;
        foreach (var value in new[] { key, "Bearer", "Bearer ", $"Bearer {key[..^1]}", $"Bearer {key}0", $"Bearer {key.ToUpperInvariant()}",
            $"Bearer {new string('0', key.Length)}", $"Basic {key}", $"Bearer {key}, Bearer {key}", $"Bearer {new ApiKey(key).Cookie}" })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await service.GetAsync("/", ("Authorization", value))).Status);
        }
        Assert.Equal(HttpStatusCode.Unauthorized, (await service.GetAsync("/", ("Cookie", $"lora-key={key}"))).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await service.GetAsync($"/?key={key}")).Status);
    }

    [Fact]
    public async Task A_program_gets_openai_s_error_and_a_browser_a_sentence()
    {
        await using var service = await GuardedService.StartAsync(withKey: true);
        var missing = await service.GetAsync("/v1/models", ("Accept", "application/json"));
        var wrong = await service.GetAsync("/v1/models", ("Authorization", "Bearer wrong"));
        var page = await service.GetAsync("/", ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"));

        Assert.Equal(missing.Text, wrong.Text);
        var error = JsonElement.Parse(missing.Text).GetProperty("error");
        Assert.Equal(["message", "type", "param", "code"], error.EnumerateObject().Select(member => member.Name));
        Assert.Equal(("invalid_request_error", "invalid_api_key", JsonValueKind.Null),
            (error.GetProperty("type").GetString(), error.GetProperty("code").GetString(), error.GetProperty("param").ValueKind));
        Assert.Equal("Bearer", missing.Headers["WWW-Authenticate"]);
        Assert.Equal(HttpStatusCode.Unauthorized, page.Status);
        Assert.StartsWith("text/plain", page.Headers["Content-Type"]);
        Assert.Contains("login link that was printed in the terminal", page.Text);
        Assert.All([missing, wrong, page], answer => Assert.Equal("no-store", answer.Headers["Cache-Control"]));
        Assert.All([missing, wrong, page], answer => Assert.DoesNotContain(service.Key!, answer.Text));
    }

    [Fact]
    public async Task The_login_link_gives_a_browser_a_cookie_that_opens_and_is_not_the_key()
    {
        await using var service = await GuardedService.StartAsync(withKey: true);
        var login = await service.GetAsync($"/login?key={service.Key}");

        Assert.Equal((HttpStatusCode.Redirect, "/"), (login.Status, login.Headers["Location"]));
        Assert.Equal(("no-store", "no-referrer"), (login.Headers["Cache-Control"], login.Headers["Referrer-Policy"]));
        var cookie = login.Headers["Set-Cookie"];
        Assert.DoesNotContain(service.Key!, cookie);
        Assert.Equal(["httponly", "path=/", "samesite=strict"], cookie.Split(';')[1..].Select(part => part.Trim()).Order());
        Assert.Equal("the page", (await service.GetAsync("/", ("Cookie", cookie.Split(';')[0]))).Text);
    }

    [Theory]
    [InlineData("/login")]
    [InlineData("/login?key=")]
    [InlineData("/login?key=0000000000000000000000000000000000000000000000000000000000000000")]
    public async Task A_login_without_the_key_gives_no_cookie(string path)
    {
        await using var service = await GuardedService.StartAsync(withKey: true);
        var answer = await service.GetAsync(path);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
        Assert.False(answer.Headers.ContainsKey("Set-Cookie"));
    }

    [Fact]
    public async Task The_first_start_makes_a_key_for_its_owner_alone_and_the_next_keeps_it()
    {
        await using var service = await GuardedService.StartAsync(withKey: true);
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(service.KeyFile));
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(service.KeyFile)!));
        Assert.Matches("^[0-9a-f]{64}$", service.Key!);
        Assert.Equal(service.Key, ApiKeyFile.ReadOrCreate(service.KeyFile));
        Assert.Single(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(service.KeyFile)!));
    }

    [Fact]
    public void Services_that_start_at_once_agree_on_one_key()
    {
        var folder = Directory.CreateTempSubdirectory("lora-key-").FullName;
        var keys = new string[8];
        var threads = Enumerable.Range(0, keys.Length)
            .Select(i => new Thread(() => keys[i] = ApiKeyFile.ReadOrCreate(Path.Combine(folder, "state", "api-key")))).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.Single(keys.Distinct());
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("", OwnerOnly, "holds no API key")]
    [InlineData("short", OwnerOnly, "holds no API key")]
    [InlineData("0123456789 0123456789 0123456789 0123456789", OwnerOnly, "holds no API key")]
    [InlineData("0123456789abcdef0123456789abcdef", OwnerOnly | UnixFileMode.GroupRead, "chmod 600")]
    [InlineData("0123456789abcdef0123456789abcdef", OwnerOnly | UnixFileMode.OtherRead, "chmod 600")]
    public void A_file_that_guards_nothing_is_refused_in_words(string text, UnixFileMode mode, string words)
    {
        var folder = Directory.CreateTempSubdirectory("lora-key-").FullName;
        var file = Path.Combine(folder, "api-key");
        File.WriteAllText(file, text);
        File.SetUnixFileMode(file, mode);
        var failure = Assert.Throws<IOException>(() => ApiKeyFile.ReadOrCreate(file));
        Assert.Contains(words, failure.Message);
        Assert.True(text.Length == 0 || !failure.Message.Contains(text, StringComparison.Ordinal));
        Directory.Delete(folder, recursive: true);
    }
}
