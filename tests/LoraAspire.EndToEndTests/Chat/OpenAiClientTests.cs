using System.ClientModel;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OpenAI.Chat;

namespace LoraAspire.EndToEndTests.Chat;

/// <summary>OpenAI's own client against the real service.</summary>
public sealed class OpenAiClientTests(ChatProcess service) : IClassFixture<ChatProcess>
{
    private static readonly ChatCompletionOptions Greedy = new() { Temperature = 0, MaxOutputTokenCount = 3 };

    [Fact]
    public async Task The_models_folder_is_listed()
    {
        var models = await service.Client().GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken);

        Assert.Equal([ChatProcess.Model], models.Value.Select(model => model.Id));
    }

    [Fact]
    public async Task A_streamed_answer_equals_the_whole_one_and_counts_its_tokens()
    {
        var chat = service.Client().GetChatClient(ChatProcess.Model);
        ChatMessage[] messages = [new UserChatMessage("Tell a story.")];

        ChatCompletion whole = await chat.CompleteChatAsync(messages, Greedy, TestContext.Current.CancellationToken);
        var streamed = new StringBuilder();
        ChatFinishReason? finish = null;
        ChatTokenUsage? usage = null;
        await foreach (var update in chat.CompleteChatStreamingAsync(messages, Greedy, TestContext.Current.CancellationToken))
        {
            streamed.Append(string.Concat(update.ContentUpdate.Select(part => part.Text)));
            finish = update.FinishReason ?? finish;
            usage = update.Usage ?? usage;
        }

        Assert.NotEqual("", whole.Content[0].Text);
        Assert.Equal(whole.Content[0].Text, streamed.ToString());
        Assert.Equal((ChatFinishReason.Length, ChatFinishReason.Length), (whole.FinishReason, finish));
        Assert.Equal((3, whole.Usage.InputTokenCount), (usage!.OutputTokenCount, usage.InputTokenCount));
    }

    [Fact]
    public async Task Equal_seeds_give_equal_texts_and_others_differ()
    {
        var chat = service.Client().GetChatClient(ChatProcess.Model);

        var texts = new List<string>();
        foreach (var seed in new[] { 5, 5, 6 })
        {
#pragma warning disable OPENAI001 // the client marks Seed as experimental
            var options = new ChatCompletionOptions { Temperature = 2, MaxOutputTokenCount = 30, Seed = seed };
#pragma warning restore OPENAI001
            ChatCompletion answer =
                await chat.CompleteChatAsync([new UserChatMessage("Hi")], options, TestContext.Current.CancellationToken);
            texts.Add(answer.Content[0].Text);
        }

        Assert.Equal(texts[0], texts[1]);
        Assert.NotEqual(texts[0], texts[2]);
    }

    [Fact]
    public async Task A_completion_goes_on_with_its_prompt_up_to_the_stop_text()
    {
        async Task<(string Text, string Finish)> CompleteAsync(string? stop)
        {
            using var http = new HttpClient { BaseAddress = service.Address };
            var response = await http.PostAsJsonAsync("v1/completions", new
            {
                model = ChatProcess.Model,
                prompt = "### Instruction:\nWhat is 12 plus 7?\n\n### Response:\n",
                max_tokens = 20,
                temperature = 0,
                stop,
            }, TestContext.Current.CancellationToken);
            var choice =
                (await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("choices")[0];
            return (choice.GetProperty("text").GetString()!, choice.GetProperty("finish_reason").GetString()!);
        }
        var (whole, _) = await CompleteAsync(null);
        Assert.Contains("19", whole, StringComparison.Ordinal);

        var (text, finish) = await CompleteAsync("19");

        Assert.Equal((whole[..whole.IndexOf("19", StringComparison.Ordinal)], "stop"), (text, finish));
    }

    [Fact]
    public async Task An_unknown_model_is_404_with_the_ones_there_are()
    {
        var error = await Assert.ThrowsAsync<ClientResultException>(() =>
            service.Client().GetChatClient("gpt-none")
                .CompleteChatAsync([new UserChatMessage("Hi")], Greedy, TestContext.Current.CancellationToken));

        Assert.Equal(404, error.Status);
        Assert.Contains(ChatProcess.Model, error.Message);
    }

    [Theory]
    [InlineData("""{"model":"pebble"}""", "messages")]
    [InlineData("""{"model":"pebble","messages":[{"role":"user","content":"x"}],"temperature":9}""", "temperature")]
    [InlineData("""{"model":"pebble","messages":[{"role":"user","content":"x"}],"stop":5}""", "stop")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}]}""", "model")]
    public async Task A_bad_request_is_400_and_names_its_field(string body, string param)
    {
        using var http = new HttpClient { BaseAddress = service.Address };

        var response = await http.PostAsync("v1/chat/completions", new StringContent(body, Encoding.UTF8, "application/json"),
            TestContext.Current.CancellationToken);
        var error = (await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("error");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal((param, "invalid_request_error"), (error.GetProperty("param").GetString(), error.GetProperty("type").GetString()));
    }

    [Fact]
    public async Task A_client_that_leaves_frees_the_model()
    {
        var chat = service.Client().GetChatClient(ChatProcess.Model);
        await foreach (var _ in chat.CompleteChatStreamingAsync([new UserChatMessage("Hi")],
            new ChatCompletionOptions { MaxOutputTokenCount = 400 }, TestContext.Current.CancellationToken))
        {
            break;
        }

        ChatCompletion next = await chat.CompleteChatAsync([new UserChatMessage("Hi")], Greedy, TestContext.Current.CancellationToken);

        Assert.Equal(3, next.Usage.OutputTokenCount);
    }

    [Fact]
    public async Task A_request_under_another_host_name_is_refused()
    {
        using var http = new HttpClient { BaseAddress = service.Address };
        using var request = new HttpRequestMessage(HttpMethod.Get, "v1/models") { Headers = { Host = "rebound.example" } };

        var response = await http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task The_page_is_there_with_a_strict_policy()
    {
        using var http = new HttpClient { BaseAddress = service.Address };

        var response = await http.GetAsync("", TestContext.Current.CancellationToken);

        Assert.Contains("<h1>Chat service</h1>", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Contains("default-src 'none'", response.Headers.GetValues("Content-Security-Policy").Single());
    }
}
