using System.ClientModel;
using System.Text;
using System.Text.Json;
using OllamaSharp;
using OllamaSharp.Models;
using OpenAI.Chat;
using OpenAI.Responses;

namespace LoraAspire.EndToEndTests.Chat;

/// <summary>The rest of the API before clients that others wrote: OpenAI's for .NET, and OllamaSharp.</summary>
public sealed class ServedClientsTests(ChatProcess service) : IClassFixture<ChatProcess>
{
    private static readonly ChatMessage[] s_asked = [new UserChatMessage("Tell a story.")];

    [Fact]
    public async Task Log_probabilities_are_read_token_by_token()
    {
        var chat = service.Client().GetChatClient(ChatProcess.Model);
        ChatCompletion answer = await chat.CompleteChatAsync(s_asked,
            new ChatCompletionOptions
            {
                Temperature = 0,
                MaxOutputTokenCount = 4,
                IncludeLogProbabilities = true,
                TopLogProbabilityCount = 2,
            },
            TestContext.Current.CancellationToken);

        Assert.Equal(4, answer.ContentTokenLogProbabilities.Count);
        Assert.Equal(answer.Content[0].Text.Trim(),
            string.Concat(answer.ContentTokenLogProbabilities.Select(token => token.Token)).Trim());
        // Greedy: the token that came is the most probable one.
        Assert.All(answer.ContentTokenLogProbabilities, token => Assert.Equal(token.Token, token.TopLogProbabilities[0].Token));
    }

    [Fact]
    public async Task A_schema_is_obeyed_by_whatever_model()
    {
        var chat = service.Client().GetChatClient(ChatProcess.Model);
        var format = ChatResponseFormat.CreateJsonSchemaFormat("person", BinaryData.FromString("""
            {"type": "object", "properties": {"name": {"enum": ["Ada", "Bob"]}, "tall": {"type": "boolean"}},
             "required": ["name", "tall"], "additionalProperties": false}
            """), jsonSchemaIsStrict: true);
        ChatCompletion answer = await chat.CompleteChatAsync(s_asked,
            new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 100, ResponseFormat = format },
            TestContext.Current.CancellationToken);

        using var json = JsonDocument.Parse(answer.Content[0].Text);
        Assert.Equal(ChatFinishReason.Stop, answer.FinishReason);
        Assert.Contains(json.RootElement.GetProperty("name").GetString(), new[] { "Ada", "Bob" });
        Assert.True(json.RootElement.GetProperty("tall").ValueKind is JsonValueKind.True or JsonValueKind.False);
    }

    [Fact]
    public async Task Texts_have_embeddings_alike_alone_and_together()
    {
        var client = service.Client().GetEmbeddingClient(ChatProcess.Model);
        var both = await client.GenerateEmbeddingsAsync(["a story", "another"], cancellationToken: TestContext.Current.CancellationToken);
        var one = await client.GenerateEmbeddingAsync("another", cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(2, both.Value.Count);
        Assert.Equal(one.Value.ToFloats().ToArray(), both.Value[1].ToFloats().ToArray(), (x, y) => Math.Abs(x - y) < 1e-4);
    }

    [Fact]
    public async Task A_model_is_found_by_its_name()
    {
        var models = service.Client().GetOpenAIModelClient();

        Assert.Equal(ChatProcess.Model, (await models.GetModelAsync(ChatProcess.Model, TestContext.Current.CancellationToken)).Value.Id);
        var error = await Assert.ThrowsAsync<ClientResultException>(
            () => models.GetModelAsync("nobody", TestContext.Current.CancellationToken));
        Assert.Equal(404, error.Status);
    }

    [Fact]
    public async Task A_response_has_its_text()
    {
#pragma warning disable OPENAI001 // the client marks responses as experimental
        var client = service.Client().GetResponsesClient();
        CreateResponseOptions options = new(ChatProcess.Model, [ResponseItem.CreateUserMessageItem("Tell a story.")])
        {
            Temperature = 0,
            MaxOutputTokenCount = 5,
        };
        ResponseResult whole = await client.CreateResponseAsync(options, TestContext.Current.CancellationToken);

        Assert.NotEqual("", whole.GetOutputText());
        Assert.Equal((ResponseStatus.Incomplete, 5), (whole.Status, whole.Usage.OutputTokenCount));
#pragma warning restore OPENAI001
    }

    [Fact]
    public async Task Ollama_s_client_lists_shows_chats_and_generates()
    {
        using OllamaApiClient client = new(service.Address, ChatProcess.Model);
        var model = Assert.Single(await client.ListLocalModelsAsync(TestContext.Current.CancellationToken));
        var shown = await client.ShowModelAsync(ChatProcess.Model, TestContext.Current.CancellationToken);
        StringBuilder said = new(), generated = new();
        await foreach (var piece in client.ChatAsync(new()
        {
            Model = ChatProcess.Model,
            Messages = [new(OllamaSharp.Models.Chat.ChatRole.User, "Tell a story.")],
            Options = new RequestOptions { Temperature = 0, NumPredict = 5 },
        }, TestContext.Current.CancellationToken))
        {
            said.Append(piece?.Message.Content);
        }
        await foreach (var piece in client.GenerateAsync(new GenerateRequest
        {
            Model = ChatProcess.Model,
            Prompt = "Tell a story.",
            Options = new RequestOptions { Temperature = 0, NumPredict = 5 },
        }, TestContext.Current.CancellationToken))
        {
            generated.Append(piece?.Response);
        }

        Assert.Equal(ChatProcess.Model, model.Name);
        Assert.Contains("completion", shown.Capabilities!);
        Assert.NotEqual("", said.ToString());
        Assert.Equal(said.ToString(), generated.ToString());
        Assert.NotEqual("", await client.GetVersionAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Metrics_are_told_to_Prometheus_with_the_time_to_the_first_piece()
    {
        await service.Client().GetChatClient(ChatProcess.Model).CompleteChatAsync(s_asked,
            new ChatCompletionOptions { MaxOutputTokenCount = 2 }, TestContext.Current.CancellationToken);
        using HttpClient http = new() { BaseAddress = service.Address };

        var metrics = await http.GetStringAsync("metrics", TestContext.Current.CancellationToken);

        foreach (var name in new[]
        {
            "gen_ai_client_operation_time_to_first_chunk", "gen_ai_client_token_usage", "http_server_request_duration",
        })
        {
            Assert.Contains(name, metrics, StringComparison.Ordinal);
        }
    }
}
