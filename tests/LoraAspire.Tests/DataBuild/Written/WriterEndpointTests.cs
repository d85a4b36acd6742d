using LoraAspire.ChatClients;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Access;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Tests.DataBuild.Written;

public sealed class WriterEndpointTests
{
    private static WriterParams With(ChatProvider provider, string? address = null, string variable = "LORA_TEST_NO_KEY") =>
        new() { Provider = provider, Model = "m", Address = address, ApiKeyEnv = variable };

    [Theory]
    [InlineData(ChatProvider.Ollama, null, "http://127.0.0.1:11434/v1")]
    [InlineData(ChatProvider.Ollama, "http://192.168.1.5:11434/v1", "http://192.168.1.5:11434/v1")]
    [InlineData(ChatProvider.OpenAi, "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1")]
    [InlineData(ChatProvider.OpenAi, "http://gpu7.lab.example:8000/v1", "http://gpu7.lab.example:8000/v1")]
    [InlineData(ChatProvider.OpenAi, "https://models.example/v1", "https://models.example/v1")]
    [InlineData(ChatProvider.Chat, null, "http://chat/v1")]
    [InlineData(ChatProvider.Chat, "http://localhost:15081/v1", "http://localhost:15081/v1")]
    public void A_server_of_ones_own_needs_no_key(ChatProvider provider, string? address, string expected)
    {
        var endpoint = ChatEndpoint.Of(With(provider, address), WrittenItems.Use);
        Assert.Equal((new Uri(expected), null), (endpoint.Address, endpoint.Key));
    }

    [Theory]
    [InlineData(ChatProvider.OpenAi, null, false, "environment variable LORA_TEST_")]
    [InlineData(ChatProvider.OpenAi, "http://models.example/v1", true, "clear text")]
    [InlineData(ChatProvider.Ollama, "http://192.168.1.5:11434/v1", true, "clear text")]
    public void A_key_that_is_missing_or_would_travel_openly_is_refused_in_words(ChatProvider provider, string? address, bool key,
        string words)
    {
        const string secret = "sk-0123456789";
        var variable = $"LORA_TEST_{Guid.NewGuid():N}";
        Environment.SetEnvironmentVariable(variable, key ? secret : null);
        var failure = Assert.Throws<StageException>(() => ChatEndpoint.Of(With(provider, address, variable), WrittenItems.Use));
        Environment.SetEnvironmentVariable(variable, null);
        Assert.Contains(words, failure.Message);
        Assert.DoesNotContain(secret, failure.ToString());
    }

    [Fact]
    public void Our_chat_service_gets_the_key_that_our_services_share_and_no_other_server_does()
    {
        var folder = Directory.CreateTempSubdirectory("lora-key-").FullName;
        var file = Path.Combine(folder, "api-key");
        var key = ApiKeyFile.ReadOrCreate(file);
        Assert.Equal(key, ChatEndpoint.Of(With(ChatProvider.Chat), WrittenItems.Use, file).Key);
        Assert.Null(ChatEndpoint.Of(With(ChatProvider.Chat, "http://localhost:15081/v1"), WrittenItems.Use, file).Key);
        Assert.Null(ChatEndpoint.Of(With(ChatProvider.Ollama), WrittenItems.Use, file).Key);
        File.WriteAllText(file, "");
        Assert.Contains("holds no API key",
            Assert.Throws<StageException>(() => ChatEndpoint.Of(With(ChatProvider.Chat), WrittenItems.Use, file)).Message);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Our_chat_service_without_an_app_model_is_asked_for_by_address() =>
        Assert.Contains("give writer.address",
            Assert.Throws<StageException>(() => new ChatModels().Connect(ChatEndpoint.Of(With(ChatProvider.Chat), WrittenItems.Use), "m",
                WrittenItems.Use)).Message);

    [Theory]
    [InlineData("{ provider: open-ai, model: m, api_key_env: sk-0123456789 }", "is the name of an environment variable")]
    [InlineData("{ provider: open-ai, model: m, api_key_env: ConnectionStrings__redis }", "double underscore")]
    [InlineData("{ provider: open-ai, model: m, address: 'https://user:sk-0123456789@models.example/v1' }",
        "must hold no name, password or query")]
    [InlineData("{ provider: open-ai, model: m, address: 'https://models.example/v1?key=sk-0123456789' }",
        "must hold no name, password or query")]
    [InlineData("{ provider: open-ai, model: m, address: models.example }", "must start with http")]
    [InlineData("{ provider: open-ai, model: m, max_requests: 0 }", "max_requests")]
    [InlineData("{ provider: open-ai, model: '' }", "must name a model")]
    public void A_mistake_in_the_yaml_is_said_without_repeating_what_may_be_a_key(string writer, string words)
    {
        var failure = Assert.Throws<PipelineException>(
            () => PipelineParser.ParseParams($"sources:\n  - self_cognition: {{ name: Y, developer: D, written: 5 }}\nwriter: {writer}\n",
                "with.yaml", StageKinds.DataBuild));
        Assert.Contains(words, failure.Message);
        Assert.DoesNotContain("sk-0123456789", failure.Message);
    }

    [Theory]
    [InlineData("sources:\n  - self_cognition: { name: ' ', developer: D, written: 5 }\nwriter: { provider: ollama, model: m }\n",
        "needs a name and a developer")]
    [InlineData("sources:\n  - self_cognition: { name: '[NAME]', developer: D }\n",
        "'[NAME]' looks like a placeholder that was to be filled in")]
    [InlineData("sources:\n  - self_cognition: { name: Y, developer: 'the {lab}' }\n",
        "'the {lab}' looks like a placeholder that was to be filled in")]
    [InlineData("sources:\n  - self_cognition: { name: Y, developer: D, written: -1 }\nwriter: { provider: ollama, model: m }\n",
        "0 to 100000")]
    [InlineData("sources:\n  - self_cognition: { name: Z, developer: D }\nheld_out:\n  - self_cognition: { name: Y, developer: D, "
        + "written: 5 }\nwriter: { provider: ollama, model: m }\n", "remove written")]
    public void What_can_not_be_written_is_a_mistake(string yaml, string words) =>
        Assert.Contains(words,
            Assert.Throws<PipelineException>(() => PipelineParser.ParseParams(yaml, "with.yaml", StageKinds.DataBuild)).Message);

    [Fact]
    public void Written_without_a_writer_is_a_mistake() =>
        Assert.Contains("add writer",
            Assert.Throws<PipelineException>(() => PipelineParser.ParseParams(
                "sources:\n  - self_cognition: { name: Y, developer: D, written: 5 }\n", "with.yaml", StageKinds.DataBuild)).Message);
}
