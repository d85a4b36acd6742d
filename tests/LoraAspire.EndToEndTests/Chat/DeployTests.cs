using System.Net;
using System.Net.Http.Json;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;
using OpenAI.Chat;

namespace LoraAspire.EndToEndTests.Chat;

public sealed class DeployTests(ChatProcess service) : IClassFixture<ChatProcess>
{
    [Fact]
    public async Task A_deployed_model_is_served_under_its_name_after_a_restart()
    {
        var with = Path.Combine(service.Store, "..", "with.yaml");
        await File.WriteAllTextAsync(with, "model_name: 雁栖-7B\n", TestContext.Current.CancellationToken);

        var (code, said) = await service.RunOnceAsync("--with", with, "--input", $"model={ChatProcess.ModelFolder}", "--out",
            Path.Combine(service.Store, "..", "out"));
        Assert.True(code == 0, said);
        await service.StopAsync();
        await service.StartAsync();
        ChatCompletion answer = await service.Client().GetChatClient("雁栖-7B").CompleteChatAsync(
            [new UserChatMessage("Hi")], new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 3 },
            TestContext.Current.CancellationToken);

        Assert.Equal(3, answer.Usage.OutputTokenCount);
    }

    [Fact]
    public async Task A_served_model_whose_artifact_was_damaged_is_refused_in_words()
    {
        var made = Directory.CreateDirectory(Path.Combine(service.Store, "made")).FullName;
        foreach (var file in Directory.GetFiles(Path.Combine(Built.Root, "models", "pebble")))
        {
            File.Copy(file, Path.Combine(made, Path.GetFileName(file)));
        }
        var store = new ArtifactStore(service.Store);
        var folder = store.Folder(store.Publish(made, ArtifactKind.Model, "merger@1"));
        new Deployments(service.Store).Deploy("pebble-1", folder);
        var weights = Path.Combine(folder, "model.safetensors");
        var bytes = await File.ReadAllBytesAsync(weights, TestContext.Current.CancellationToken);
        bytes[^1] ^= 1;
        File.SetUnixFileMode(weights, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllBytesAsync(weights, bytes, TestContext.Current.CancellationToken);

        using var http = new HttpClient();
        var answer = await http.PostAsJsonAsync(new Uri(service.Address, "v1/chat/completions"),
            new { model = "pebble-1", messages = new[] { new { role = "user", content = "Hi" } } }, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains("was damaged", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
