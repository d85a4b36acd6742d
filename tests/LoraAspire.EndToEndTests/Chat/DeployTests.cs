using OpenAI.Chat;

namespace LoraAspire.EndToEndTests.Chat;

public sealed class DeployTests(ChatProcess service) : IClassFixture<ChatProcess>
{
    [Fact]
    public async Task A_deployed_model_is_served_under_its_name_after_a_restart()
    {
        if (!Directory.Exists(ChatProcess.ModelFolder))
        {
            Assert.Skip($"{ChatProcess.ModelFolder} is not there: put the shared data beside the repository, or set LORA_SHARED_DATA.");
        }
        var with = Path.Combine(service.Store, "..", "with.yaml");
        await File.WriteAllTextAsync(with, "model_name: 雁栖-7B\n", TestContext.Current.CancellationToken);

        var (code, said) = await service.RunOnceAsync("--with", with, "--input", $"model={Path.GetFullPath(ChatProcess.ModelFolder)}", "--out", Path.Combine(service.Store, "..", "out"));
        Assert.True(code == 0, said);
        await service.StopAsync();
        await service.StartAsync();
        ChatCompletion answer = await service.Client().GetChatClient("雁栖-7B").CompleteChatAsync(
            [new UserChatMessage("Hi")], new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 3 }, TestContext.Current.CancellationToken);

        Assert.Equal(3, answer.Usage.OutputTokenCount);
    }
}
