using LoraAspire.Lab.ChatPages;
using LoraAspire.Model;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Runtime.Access;
using LoraAspire.Tests.Chat;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.ServiceDiscovery.Http;

namespace LoraAspire.Tests.Lab.ChatPages;

/// <summary>The lab's way to the chat service, before the real endpoints.</summary>
public sealed class ChatApiTests
{
    private static readonly Said[] s_who = [new(Said.User, "Who are you?")];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Models_are_listed_and_an_answer_comes_with_its_cost_and_its_end()
    {
        await using ChatService service = new("I am Lora");
        using var api = await ApiAsync(service);

        Assert.Equal(["tuned"], await api.ModelsAsync(Cancelled));
        service.Deploy("newer");
        Assert.Equal(["newer", "tuned"], await api.ModelsAsync(Cancelled));
        List<Answer> shown = [];
        var answer = await Writing.RunAsync(api, TimeProvider.System, NullLogger.Instance, "tuned", s_who,
            new() { Temperature = 0, TopK = 5, TopP = 0.5, RepetitionPenalty = 1, Seed = 1, MaxTokens = 20 }, shown.Add, Cancelled);
        Assert.Equal(("I am Lora", "stop", null), (answer.Text, answer.Finish, answer.Trouble));
        Assert.True(answer is { Tokens: > 2, PromptTokens: > 2, FirstAfter: > 0 } && answer.Took >= answer.FirstAfter, $"{answer}");
        Assert.All(shown, part => Assert.StartsWith(part.Text, answer.Text, StringComparison.Ordinal));
        var cut = await AskAsync(api, new() { Temperature = 0, MaxTokens = 1 });
        Assert.Equal(("length", 1), (cut.Finish, cut.Tokens));
        Assert.Equal("<s>Who are you?!", (await api.SeenAsync("tuned", s_who, 8, Cancelled)).Prompt);
    }

    [Fact]
    public async Task Fields_that_only_this_service_has_reach_it()
    {
        await using ChatService service = new("I am Lora");
        using var api = await ApiAsync(service);

        // Out of range each: what says so has read them.
        Assert.Contains("top_k", (await AskAsync(api, new() { TopK = -2 })).Trouble!.Said);
        Assert.Contains("repetition_penalty", (await AskAsync(api, new() { RepetitionPenalty = -1 })).Trouble!.Said);
    }

    [Fact]
    public async Task What_goes_wrong_is_told_by_its_kind()
    {
        await using ChatService service = new("I am Lora");
        using var api = await ApiAsync(service);

        Assert.Equal(TroubleKind.NoModel, (await AskAsync(api, new(), "gone")).Trouble!.Kind);
        var refused = (await AskAsync(api, new() { Temperature = 3 })).Trouble!;
        Assert.Equal(TroubleKind.Refused, refused.Kind);
        Assert.Contains("temperature", refused.Said);
        Said[] much = [new(Said.User, string.Concat(Enumerable.Repeat("I am ", 300)))];
        var tooLong = await Writing.RunAsync(api, TimeProvider.System, NullLogger.Instance, "tuned", much, new(), _ => { }, Cancelled);
        Assert.Equal(TroubleKind.TooLong, tooLong.Trouble!.Kind);
        Assert.Equal(TroubleKind.NoModel,
            (await Assert.ThrowsAsync<ChatTroubleException>(() => api.SeenAsync("gone", s_who, null, Cancelled))).Trouble.Kind);
    }

    [Fact]
    public async Task A_full_queue_says_when_to_come_back()
    {
        await using ChatService service =
            new("", new ErrorTests.FailingClient(() => new QueueFullException("full", TimeSpan.FromSeconds(7))));
        using var api = await ApiAsync(service);

        Assert.Equal((TroubleKind.Busy, "full", 7), Parts(await AskAsync(api, new())));
    }

    [Fact]
    public async Task What_came_before_a_fault_in_the_stream_stays_and_the_fault_is_told()
    {
        await using ChatService service =
            new("", new ErrorTests.FailingClient(() => new ModelException("The model broke."), pieces: 2));
        using var api = await ApiAsync(service);

        var answer = await AskAsync(api, new());

        Assert.Equal("II", answer.Text);
        Assert.Equal((TroubleKind.Failed, "The model broke.", null), Parts(answer));
    }

    [Fact]
    public async Task A_service_that_is_away_is_told()
    {
        using var api = Api("http://127.0.0.1:1");

        Assert.Equal(TroubleKind.Away, (await AskAsync(api, new())).Trouble!.Kind);
        Assert.Equal(TroubleKind.Away, (await Assert.ThrowsAsync<ChatTroubleException>(() => api.ModelsAsync(Cancelled))).Trouble.Kind);
    }

    [Fact]
    public async Task One_that_answers_with_a_page_for_people_failed()
    {
        await using var other = await OtherAsync(_ => Results.Content("<html>hello</html>", "text/html"));
        using var api = Api(other.Urls.Single());

        Assert.Equal(TroubleKind.Failed, (await Assert.ThrowsAsync<ChatTroubleException>(() => api.ModelsAsync(Cancelled))).Trouble.Kind);
        Assert.NotNull((await AskAsync(api, new())).Trouble);
    }

    [Fact]
    public async Task A_service_that_asks_for_the_key_is_sent_it()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("lora-key-").FullName, "api-key");
        var key = ApiKeyFile.ReadOrCreate(file);
        await using var other = await OtherAsync(request => request.Headers.Authorization == $"Bearer {key}"
            ? Results.Json(new { prompt = "<s>Hi", count = 2, max_model_len = 8, data = Array.Empty<string>(), @object = "list" })
            : Results.StatusCode(401));
        using var api = Api(other.Urls.Single(), file);

        Assert.Empty(await api.ModelsAsync(Cancelled));
        Assert.Equal(new SeenPrompt("<s>Hi", 2, 8), await api.SeenAsync("m", s_who, null, Cancelled));
    }

    [Fact]
    public async Task Where_no_service_is_known_nothing_is_sent()
    {
        var asked = 0;
        await using var other = await OtherAsync(_ =>
        {
            asked++;
            return Results.StatusCode(500);
        });
        using var api = Api(other.Urls.Single(), isKnown: false);

        Assert.Equal(TroubleKind.Away, (await AskAsync(api, new())).Trouble!.Kind);
        Assert.Equal(TroubleKind.Away, (await Assert.ThrowsAsync<ChatTroubleException>(() => api.ModelsAsync(Cancelled))).Trouble.Kind);
        Assert.Equal(TroubleKind.Away,
            (await Assert.ThrowsAsync<ChatTroubleException>(() => api.SeenAsync("m", s_who, null, Cancelled))).Trouble.Kind);
        Assert.Equal(0, asked);
    }

    [Fact]
    public async Task A_fault_that_nobody_foresaw_ends_the_answer_alone()
    {
        await using ChatService service = new("I am Lora");
        using var api = await ApiAsync(service);

        // The client refuses a model without a name before it asks.
        Assert.Equal((TroubleKind.Failed, null, null), Parts(await AskAsync(api, new(), model: "")));
    }

    [Fact]
    public async Task What_is_stopped_says_so()
    {
        await using ChatService service = new("I am Lora");
        using var api = await ApiAsync(service);
        using CancellationTokenSource stop = new();
        await stop.CancelAsync();

        var answer = await Writing.RunAsync(api, TimeProvider.System, NullLogger.Instance, "tuned", s_who, new(), _ => { },
            stop.Token);

        Assert.Equal((Answer.Stopped, null), (answer.Finish, answer.Trouble));
    }

    private static (TroubleKind, string?, int?) Parts(Answer answer) =>
        (answer.Trouble!.Kind, answer.Trouble.Said, answer.Trouble.RetryAfter);

    private static Task<Answer> AskAsync(ChatApi api, Sampling sampling, string model = "tuned") =>
        Writing.RunAsync(api, TimeProvider.System, NullLogger.Instance, model, s_who, sampling, _ => { }, Cancelled);

    private static async Task<ChatApi> ApiAsync(ChatService service)
    {
        await service.StartAsync();
        return Api(service.Http.BaseAddress!.ToString());
    }

    private static async Task<WebApplication> OtherAsync(Func<HttpRequest, IResult> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapFallback((HttpRequest request) => answer(request));
        await app.StartAsync(Cancelled);
        return app;
    }

    private static ChatApi Api(string address, string? keyFile = null, bool isKnown = true)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?> { ["services:chat:http:0"] = address }).Build();
        var services = new ServiceCollection().AddSingleton<IConfiguration>(configuration).AddLogging().AddServiceDiscovery()
            .BuildServiceProvider();
        return new(services.GetRequiredService<IServiceDiscoveryHttpMessageHandlerFactory>(), isKnown, keyFile);
    }
}
