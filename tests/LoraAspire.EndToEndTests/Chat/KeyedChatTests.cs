using System.ClientModel;
using System.Diagnostics;
using System.Net;
using LoraAspire.EndToEndTests.DataBuild;
using OpenAI;

namespace LoraAspire.EndToEndTests.Chat;

/// <summary>The chat service where it asks for a key, before OpenAI's own client, a browser's steps and our command line.</summary>
public sealed class KeyedChatTests(KeyedChatProcess service) : IClassFixture<KeyedChatProcess>
{
    private string Key => File.ReadAllText(service.KeyFile!).Trim();

    [Fact]
    public async Task Openai_s_client_is_let_in_with_the_key_and_told_what_is_wrong_without()
    {
        var models = await Client(Key).GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["pebble"], models.Value.Select(model => model.Id));

        var refused = await Assert.ThrowsAsync<ClientResultException>(
            () => Client("none").GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken));
        Assert.Equal(401, refused.Status);
        Assert.Contains("invalid_api_key", refused.Message);
    }

    [Fact]
    public async Task The_page_opens_by_the_login_link()
    {
        using var browser = new HttpClient { BaseAddress = service.Address };   // Follows redirects and keeps cookies, as a browser does.
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Contains("<h1>Chat service</h1>", await browser.GetStringAsync($"login?key={Key}", TestContext.Current.CancellationToken));
        Assert.Contains("pebble", await browser.GetStringAsync("v1/models", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_body_over_the_limit_is_413_in_openai_s_shape()
    {
        using var http = new HttpClient { BaseAddress = service.Address };
        using var request =
            new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions") { Content = new ByteArrayContent(new byte[(16 << 20) + 1]) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.Authorization = new("Bearer", Key);
        request.Headers.ExpectContinue = true;
        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Contains("invalid_request_error", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Lora_chat_sends_the_key_that_it_was_told_of_and_none_to_an_address_otherwise()
    {
        var (code, said) = await LoraChatAsync(service.KeyFile);
        Assert.True(code == 0, said);
        (code, said) = await LoraChatAsync(null);
        Assert.Equal(7, code);
        Assert.Contains("asks for a key", said);
    }

    private OpenAIClient Client(string key) =>
        new(new ApiKeyCredential(key), new OpenAIClientOptions { Endpoint = new Uri(service.Address, "v1") });

    private async Task<(int Code, string Said)> LoraChatAsync(string? keyFile)
    {
        ProcessStartInfo start = new("dotnet", [Built.Assembly("services/LoraAspire.Cli", "lora"), "chat", "--url",
            service.Address.ToString(), "--once", "Hello"])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LORA_API_KEY_FILE"] = keyFile;
        start.Environment["LORA_STATE"] = Path.GetDirectoryName(service.KeyFile!);
        using var lora = Process.Start(start)!;
        var error = lora.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var said = await lora.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await lora.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (lora.ExitCode, said + await error);
    }
}
