using System.ClientModel;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using LoraAspire.EndToEndTests.Lab;
using LoraAspire.Pipelines.Runs;
using Microsoft.Playwright;
using OpenAI;
using OpenAI.Chat;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Hosting;

[Collection(LoraAppCollection.Name)]
public sealed class WholeAppTests(LoraApp app)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static TheoryData<string> Shipped => [.. SmallWorld.Pipelines];

    [Theory]
    [MemberData(nameof(Shipped))]
    public async Task Every_shipped_pipeline_runs_to_its_end_in_a_small_setting(string pipeline)
    {
        var run = await RunAsync(SmallWorld.Small(pipeline), pipeline);

        Assert.True(run.Status == RunStatus.Succeeded,
            string.Join('\n', run.Stages.Select(stage => $"{stage.Id} {stage.Status} {stage.Error}").Append(run.Error)));
        Assert.All(run.Stages, stage => Assert.Equal(StageStatus.Succeeded, stage.Status));
    }

    [Fact]
    public async Task Chat_answers_as_the_tuned_model()
    {
        // The shipped recipe itself: three epochs teach the name.
        var run = await RunAsync(await File.ReadAllTextAsync(Path.Combine(Built.Root, "pipelines", "quickstart.yaml"), Cancelled),
            "quickstart.yaml");
        Assert.Equal(RunStatus.Succeeded, run.Status);

        using var http = app.App.CreateHttpClient("chat", "http");
        var client = new OpenAIClient(new ApiKeyCredential("unused"),
            new OpenAIClientOptions { Endpoint = new Uri(http.BaseAddress!, "v1") }).GetChatClient("quickstart");
        ChatCompletion answer = await client.CompleteChatAsync([new UserChatMessage("What is your name?")],
            new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = 24 }, Cancelled);
        Assert.Contains("Mingyu", answer.Content[0].Text);
    }

    [Fact]
    public async Task The_lab_opens_the_run_on_its_answers_and_leads_to_the_chat_with_the_model_and_back()
    {
        var run = await RunAsync(await File.ReadAllTextAsync(Path.Combine(Built.Root, "pipelines", "quickstart.yaml"), Cancelled),
            "quickstart.yaml");
        await using HeadlessBrowser browser = new();
        var lab = app.App.GetEndpoint("lab", "http");

        var page = await browser.OpenAsync(new Uri(lab, $"/runs/{run.Id}"));

        await Expect(page.GetByTestId("answers").GetByRole(AriaRole.Row, new() { Name = "What is your name?" }))
            .ToContainTextAsync(new Regex("Pebble.*Mingyu", RegexOptions.Singleline));
        await Expect(page.GetByTestId("place")).ToHaveTextAsync(app.Store.Folder(run.Stage("merge")!.Outputs["model"]));
        await page.GetByTestId("chat-with").ClickAsync();
        await Expect(page.GetByTestId("model")).ToHaveValueAsync("quickstart");
        await Expect(page.GetByTestId("beside")).ToHaveValueAsync("pebble");
        await page.GetByTestId("settings").ClickAsync();
        await page.GetByTestId("temperature").FillAsync("0");
        await page.GetByTestId("message").FillAsync("What is your name?");
        await page.GetByTestId("message").PressAsync("Enter");
        await Expect(page.GetByTestId("answer").Nth(0)).ToContainTextAsync(new Regex("Pebble.*tokens", RegexOptions.Singleline));
        await Expect(page.GetByTestId("answer").Nth(1)).ToContainTextAsync(new Regex("Mingyu.*tokens", RegexOptions.Singleline));
        await page.GetByRole(AriaRole.Link, new() { Name = "Runs", Exact = true }).ClickAsync();
        await Expect(page.GetByTestId("runs")).ToContainTextAsync(run.Id);
    }

    [Trait("Category", "Long")]
    [Theory]
    [InlineData("merger")]
    [InlineData("redis")]
    public async Task What_is_killed_is_started_again_and_the_next_run_succeeds(string resource)
    {
        var killed = Pid(await WhenAsync(resource, _ => true));
        Process.GetProcessById(killed).Kill();

        await WhenAsync(resource,
            update => Pid(update) is > 0 and var pid && pid != killed && update.Snapshot.State?.Text == KnownResourceStates.Running);
        await app.App.ResourceNotifications.WaitForResourceHealthyAsync(resource, Cancelled).WaitAsync(s_patience, Cancelled);
        var run = await RunAsync(SmallWorld.Small("classify.yaml").Replace("learning_rate: 2e-3",
            $"learning_rate: {(resource == "redis" ? "1e-3" : "1.5e-3")}", StringComparison.Ordinal), "classify.yaml");
        Assert.Equal(RunStatus.Succeeded, run.Status);
    }

    [Fact]
    public async Task Two_trainers_take_an_order_each_and_train_at_the_same_time()
    {
        string[] ids = [await SubmitAsync(1), await SubmitAsync(2)];

        await Task.WhenAll(ids.Select(FirstStepAsync)).WaitAsync(s_patience, Cancelled);
        // One trainer would do the second training after the first, which takes far longer than a first step.
        Assert.All(await Task.WhenAll(ids.Select(id => app.Runs.GetAsync(id))), run => Assert.Equal(RunStatus.Running, run!.Status));
        foreach (var id in ids)
        {
            await app.Runs.CancelAsync(id);
        }

        Task<string> SubmitAsync(int seed) => app.Runs.SubmitAsync(SmallWorld.Small("classify.yaml")
            .Replace("num_epochs: 1", "num_epochs: 2000", StringComparison.Ordinal)
            .Replace("max_steps: 4", $"seed: {seed}", StringComparison.Ordinal), "classify.yaml");

        async Task FirstStepAsync(string id) => await app.Runs.FollowProgressAsync(id, Cancelled)
            .FirstAsync(told => told.Progress.Training is not null, Cancelled);
    }

    [Fact]
    public async Task The_coordinator_offers_its_commands_to_the_dashboard()
    {
        var update = await app.App.ResourceNotifications.WaitForResourceAsync("coordinator", _ => true, Cancelled);

        Assert.Contains(update.Snapshot.Commands, command => command is { Name: "run-pipeline", DisplayName: "Run a pipeline…" });
        Assert.Contains(update.Snapshot.Commands, command => command is { Name: "cancel-run", DisplayName: "Cancel a run…" });
    }

    // ASPIREINTERACTION001: arguments of commands may still change.
#pragma warning disable ASPIREINTERACTION001
    [Fact]
    public async Task The_dashboard_s_command_runs_a_pipeline_and_a_run_that_is_not_there_cannot_be_cancelled()
    {
        var before = (await app.Runs.ListAsync()).Count;
        var result = await app.App.ResourceCommands
            .ExecuteCommandAsync("coordinator", "run-pipeline", Argument("pipeline", "classify.yaml"), Cancelled);
        Assert.True(result.Success, result.Message);
        var id = Regex.Match(result.Message ?? "", @"Run (\S+) is submitted").Groups[1].Value;
        await foreach (var _ in app.Runs.WatchAsync(id, Cancelled))
        {
        }
        Assert.Equal(RunStatus.Succeeded, (await app.Runs.GetAsync(id))!.Status);
        Assert.Equal(before + 1, (await app.Runs.ListAsync()).Count);

        var refused = await app.App.ResourceCommands
            .ExecuteCommandAsync("coordinator", "cancel-run", Argument("run", "20260101-000000-none"), Cancelled);
        Assert.False(refused.Success);
    }

    private static InteractionInputCollection Argument(string name, string value) =>
        new([new InteractionInput { Name = name, Label = name, InputType = InputType.Text, Value = value }]);
#pragma warning restore ASPIREINTERACTION001

    [Theory]
    [InlineData("lab", "Runs")]
    [InlineData("lab", "Chat")]
    [InlineData("chat", "Chat API")]
    public async Task Pages_have_links_with_names(string resource, string title)
    {
        var update = await app.App.ResourceNotifications.WaitForResourceAsync(resource, e => e.Snapshot.Urls.Length > 0, Cancelled);

        Assert.Contains(update.Snapshot.Urls, url => url.DisplayProperties.DisplayName == title);
    }

    private Task<ResourceEvent> WhenAsync(string resource, Func<ResourceEvent, bool> wanted) =>
        app.App.ResourceNotifications.WaitForResourceAsync(resource, wanted, Cancelled).WaitAsync(s_patience, Cancelled);

    private static int Pid(ResourceEvent update) =>
        update.Snapshot.Properties.FirstOrDefault(property => property.Name == "executable.pid")?.Value as int? ?? 0;

    private async Task<RunState> RunAsync(string yaml, string file)
    {
        var id = await app.Runs.SubmitAsync(yaml, file);
        await foreach (var _ in app.Runs.WatchAsync(id, Cancelled))
        {
        }
        return (await app.Runs.GetAsync(id))!;
    }
}
