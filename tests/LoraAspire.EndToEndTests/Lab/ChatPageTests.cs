using System.Text.Json;
using System.Text.RegularExpressions;
using Deque.AxeCore.Playwright;
using LoraAspire.EndToEndTests.Chat;
using LoraAspire.Runtime.Store;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>The chat, over the real service with the model of this repository.</summary>
[Collection(LabCollection.Name)]
public sealed class ChatPageTests(LabApp app) : IAsyncLifetime
{
    private IPage _page = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private ILocator Answers => _page.GetByTestId("answer");

    private ILocator Message => _page.GetByTestId("message");

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync() => await _page.Context.CloseAsync();

    [Fact]
    public async Task What_is_written_asked_and_answered_is_there_after_a_reload()
    {
        await OpenAsync("/chat");
        await Message.FillAsync("Who are");
        await _page.ReloadAsync();
        await Expect(Message).ToHaveValueAsync("Who are");
        await Message.FillAsync("Who are you?");
        // The Enter that ends a word of an input method.
        await Message.DispatchEventAsync("keydown", new { key = "Enter", isComposing = true, bubbles = true, cancelable = true });
        await Message.PressAsync("Shift+Enter");
        await Message.PressSequentiallyAsync("Say it.");
        await Expect(Message).ToHaveValueAsync("Who are you?\nSay it.");
        await Expect(Answers).ToHaveCountAsync(0);
        await Message.PressAsync("Enter");

        await Expect(_page.GetByTestId("facts")).ToHaveTextAsync(
            new Regex(@"^[\d,]+ tokens · [\d,.]+ tokens/s · first token after \d+\.\d\d s · (ended by itself|cut off.*)$"));
        await Expect(Message).ToHaveValueAsync("");
        await Expect(_page).ToHaveURLAsync(new Regex(@"/chat\?id=[0-9a-f]{16}$"));
        var said = await _page.GetByTestId("answer-text").InnerTextAsync();
        Assert.NotEqual("", said.Trim());
        await _page.ReloadAsync();
        await Expect(_page.GetByTestId("question")).ToHaveTextAsync("Who are you?\nSay it.");
        await Expect(_page.GetByTestId("answer-text")).ToHaveTextAsync(said);
        await Expect(_page.GetByTestId("chats").GetByRole(AriaRole.Link)).ToContainTextAsync("Who are you?");

        await _page.GetByTestId("settings").ClickAsync();
        await _page.GetByTestId("seen").Locator("summary").ClickAsync();
        await Expect(_page.GetByTestId("seen")).ToContainTextAsync("<s>### Instruction:\nWho are you?\nSay it.\n\n### Response:\n");
        await Expect(_page.GetByTestId("seen")).ToContainTextAsync("of 512 tokens");
        var found = await _page.RunAxe();
        Assert.Equal("", string.Join('\n', found.Violations.Where(finding => finding.Impact != "minor")
            .SelectMany(finding => finding.Nodes, (finding, node) => $"{finding.Id} {node.Html}")));

        await _page.GetByTestId("chats").GetByTestId("rename").ClickAsync();
        await _page.GetByTestId("title").FillAsync("About names");
        await _page.GetByTestId("title").PressAsync("Enter");
        await Expect(_page.GetByTestId("chats").GetByRole(AriaRole.Link)).ToContainTextAsync("About names");
        await _page.GetByTestId("search-chats").FillAsync("nothing like it");
        await Expect(_page.GetByTestId("chats").GetByRole(AriaRole.Link)).ToHaveCountAsync(0);
        await _page.GetByTestId("search-chats").FillAsync("NAMES");
        await _page.GetByTestId("chats").GetByTestId("delete").ClickAsync();
        await Expect(_page).ToHaveURLAsync(new Regex("/chat$"));
        await Expect(_page.GetByTestId("question")).ToHaveCountAsync(0);
        await _page.GetByRole(AriaRole.Button, new() { Name = "Undo" }).ClickAsync();
        await Expect(_page.GetByTestId("chats").GetByRole(AriaRole.Link)).ToContainTextAsync("About names");
    }

    [Fact]
    public async Task What_is_asked_again_or_edited_stays_beside_what_comes_of_it()
    {
        await OpenAsync("/chat");
        await SetAsync("temperature", "0");
        await SetAsync("max-tokens", "8");
        await AskAsync("Who are you?");
        await Expect(_page.GetByTestId("facts")).ToContainTextAsync("8 tokens");
        await _page.GetByTestId("regenerate").ClickAsync();
        await Expect(Answers.GetByTestId("pager")).ToContainTextAsync("2 / 2");
        await Answers.GetByRole(AriaRole.Button, new() { Name = "The one before" }).ClickAsync();
        await Expect(Answers.GetByTestId("pager")).ToContainTextAsync("1 / 2");
        await AskAsync("And again?", answers: 2);

        await _page.GetByTestId("edit").First.ClickAsync();
        await _page.GetByTestId("edited").FillAsync("What is your name?");
        await _page.ReloadAsync();
        await _page.GetByTestId("edit").First.ClickAsync();
        await Expect(_page.GetByTestId("edited")).ToHaveValueAsync("What is your name?");
        await _page.GetByTestId("send-edited").ClickAsync();
        await Expect(_page.GetByTestId("question")).ToHaveTextAsync("What is your name?");
        await Expect(_page.GetByTestId("facts")).ToHaveCountAsync(1);
        await _page.Locator(".asked").GetByRole(AriaRole.Button, new() { Name = "The one before" }).ClickAsync();
        await Expect(_page.GetByTestId("question")).ToHaveTextAsync(["Who are you?", "And again?"]);
    }

    [Fact]
    public async Task An_answer_comes_piece_by_piece_and_what_came_until_it_is_stopped_stays()
    {
        using var endless = new EndlessModel(app.Chat.Store);
        await AskEndlesslyAsync();
        var text = _page.GetByTestId("answer-text");
        await Expect(text).ToBeVisibleAsync();
        var first = await text.InnerTextAsync();
        await Expect(text).Not.ToHaveTextAsync(first);
        await Expect(_page.GetByTestId("stop")).ToBeVisibleAsync();
        await Expect(_page.GetByTestId("log")).ToHaveAttributeAsync("aria-busy", "true");
        await Message.PressAsync("Escape");

        await Expect(_page.GetByTestId("facts")).ToContainTextAsync("stopped by you");
        await Expect(_page.GetByTestId("log")).ToHaveAttributeAsync("aria-busy", "false");
        await Expect(_page.GetByTestId("status")).ToHaveTextAsync("The answer is complete.");
        var said = await text.InnerTextAsync();
        await _page.ReloadAsync();
        await Expect(text).ToHaveTextAsync(said);
        await Expect(_page.GetByTestId("facts")).ToContainTextAsync("stopped by you");
        await _page.GetByTestId("settings").ClickAsync();
        await Expect(_page.GetByTestId("temperature")).ToHaveValueAsync("0");
        await Expect(_page.GetByTestId("repetition")).ToHaveValueAsync("0.5");
    }

    [Fact]
    public async Task What_is_deleted_while_it_is_answered_does_not_come_back()
    {
        using var endless = new EndlessModel(app.Chat.Store);
        await AskEndlesslyAsync();
        await Expect(_page.GetByTestId("answer-text")).ToBeVisibleAsync();
        await Expect(_page.GetByTestId("stop")).ToBeVisibleAsync();
        await _page.GetByTestId("chats").GetByTestId("delete").ClickAsync();
        await Expect(_page).ToHaveURLAsync(new Regex("/chat$"));
        await Expect(_page.GetByTestId("question")).ToHaveCountAsync(0);
        await Expect(_page.GetByTestId("log")).ToHaveAttributeAsync("aria-busy", "false");

        await _page.ReloadAsync();
        await Expect(Message).ToBeEnabledAsync();
        await Expect(_page.Locator(".chats-none")).ToBeVisibleAsync();
        await Expect(_page.GetByTestId("chats").GetByRole(AriaRole.Link)).ToHaveCountAsync(0);
        Assert.Equal(0, await _page.EvaluateAsync<int>(
            "Object.entries(localStorage).filter(([key, text]) => key.startsWith('lora.chat.') && text.includes('a a a')).length"));
    }

    [Fact]
    public async Task A_model_that_is_deployed_appears_by_itself_answers_beside_its_base_and_may_go_again()
    {
        await OpenAsync("/chat");
        await Expect(_page.GetByTestId("model")).ToHaveValueAsync(ChatProcess.Model);
        new Deployments(app.Chat.Store).Deploy("newer", ChatProcess.ModelFolder);
        await Expect(_page.GetByTestId("model")).ToHaveValueAsync("newer");

        await _page.GotoAsync(new Uri(app.Address, $"/chat?model=newer&beside={ChatProcess.Model}").ToString());
        await SetAsync("max-tokens", "8");
        await SetAsync("system", "Be terse.");
        await AskAsync("Who are you?", answers: 2);
        await Expect(Answers.Nth(0)).ToContainTextAsync(ChatProcess.Model);
        await Expect(Answers.Nth(1)).ToContainTextAsync("newer");
        await Expect(_page.Locator(".choices select").Nth(0)).ToHaveValueAsync(ChatProcess.Model);
        await Expect(_page.Locator(".choices select").Nth(1)).ToHaveValueAsync("newer");
        await _page.GetByTestId("is-beside").UncheckAsync();
        await Expect(Answers).ToHaveCountAsync(1);
        await _page.ReloadAsync();
        await Expect(Answers).ToHaveCountAsync(1);
        await _page.GetByTestId("is-beside").CheckAsync();
        await Expect(Answers).ToHaveCountAsync(2);

        var download = await _page.RunAndWaitForDownloadAsync(() => _page.GetByTestId("export-chat").ClickAsync());
        await using var stream = await download.CreateReadStreamAsync();
        var file = (await JsonDocument.ParseAsync(stream, cancellationToken: Cancelled)).RootElement;
        Assert.Equal(("newer", ChatProcess.Model, 8), (file.GetProperty("model").GetString(),
            file.GetProperty("beside").GetProperty("model").GetString(), file.GetProperty("max_tokens").GetInt32()));
        Assert.Equal(["system", "user", "assistant"],
            file.GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("role").GetString()));

        using HttpClient http = new();
        await http.DeleteAsync(new Uri(app.Chat.Address, "/v1/models/newer"), Cancelled);
        await Expect(_page.GetByTestId("model")).ToContainTextAsync("newer (not served now)");
        await Message.FillAsync("Still there?");
        await Message.PressAsync("Enter");
        await Expect(_page.GetByTestId("trouble")).ToContainTextAsync("newer is not served any more");
        await _page.GetByTestId("model").SelectOptionAsync(ChatProcess.Model);
        await _page.GetByTestId("try-again").ClickAsync();
        await Expect(_page.GetByTestId("facts")).ToHaveCountAsync(4);
        await Expect(_page.GetByTestId("trouble")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task The_page_speaks_Chinese_fits_a_phone_and_shows_nothing_that_was_put_among_its_conversations()
    {
        await OpenAsync("/chat", 400);
        await _page.EvaluateAsync("""
            () => { localStorage["lora.chat.broken"] = '{"id": "broken", "title": "<b>Broken</b>", "leaf": 7}';
              document.cookie = ".AspNetCore.Culture=" + encodeURIComponent("c=en|uic=zh") + "; path=/"; }
            """);
        await _page.GotoAsync(new Uri(app.Address, "/chat?id=broken").ToString());
        await Expect(_page.GetByTestId("log")).ToContainTextAsync("无法读取这个对话");
        await _page.GetByRole(AriaRole.Button, new() { Name = "对话列表" }).ClickAsync();
        await Expect(_page.GetByTestId("chats").GetByRole(AriaRole.Link)).ToContainTextAsync("<b>Broken</b>");
        await _page.GetByTestId("new-chat").ClickAsync();
        await SetAsync("max-tokens", "8");
        await _page.GetByTestId("settings").ClickAsync();
        await AskAsync("你是谁？");
        await Expect(_page.GetByTestId("facts")).ToContainTextAsync(new Regex(@"^\d+ 词元 · "));
        Assert.Equal(0, await _page.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth"));
    }

    [Fact]
    public async Task What_is_typed_just_before_another_conversation_is_opened_or_the_page_is_left_is_kept()
    {
        await OpenAsync("/chat");
        await KeepAsync("first");
        await KeepAsync("second");
        await _page.GotoAsync(new Uri(app.Address, "/chat?id=first").ToString());
        await Expect(_page.GetByTestId("question")).ToHaveTextAsync("What of first?");
        await SetAsync("temperature", "0.5");
        await TypeAndClickAsync("Be terse.", "a[href='/chat?id=second']");
        await Expect(_page.GetByTestId("question")).ToHaveTextAsync("What of second?");
        await Expect(_page.GetByTestId("system")).ToHaveValueAsync("");
        await TypeAndClickAsync("Be long.", "a[href='/gpus']");
        await Expect(_page).ToHaveURLAsync(new Regex("/gpus$"));

        await Expect(_page.Locator("h1")).ToHaveTextAsync("GPUs");
        await _page.GotoAsync(new Uri(app.Address, "/chat?id=first").ToString());
        await Expect(_page.GetByTestId("question")).ToHaveTextAsync("What of first?");
        await _page.GetByTestId("settings").ClickAsync();
        await Expect(_page.GetByTestId("system")).ToHaveValueAsync("Be terse.");
        await Expect(_page.GetByTestId("temperature")).ToHaveValueAsync("0.5");
        await _page.Locator("a[href='/chat?id=second']").ClickAsync();
        await Expect(_page.GetByTestId("question")).ToHaveTextAsync("What of second?");
        await Expect(_page.GetByTestId("system")).ToHaveValueAsync("Be long.");

        // What the browser does with both in one go, whatever the machine does beside it.
        Task TypeAndClickAsync(string text, string link) => _page.GetByTestId("system").EvaluateAsync("""
            (field, [text, link]) => {
              field.value = text;
              field.dispatchEvent(new Event("input", { bubbles: true }));
              document.querySelector(link).click();
            }
            """, new[] { text, link });
    }

    [Fact]
    public async Task Two_windows_of_one_conversation_keep_what_is_asked_in_either_and_none_brings_back_what_is_deleted()
    {
        await OpenAsync("/chat");
        await KeepAsync("shared");
        var address = new Uri(app.Address, "/chat?id=shared").ToString();
        await _page.GotoAsync(address);
        await Expect(_page.GetByTestId("question")).ToHaveTextAsync("What of shared?");
        var first = _page;
        _page = await first.RunAndWaitForPopupAsync(() => first.EvaluateAsync("address => { window.open(address); }", address));
        await Expect(_page.GetByTestId("question")).ToHaveTextAsync("What of shared?");
        await SetAsync("max-tokens", "8");
        await AskAsync("Who asks second?");
        (_page, var second) = (first, _page);
        await SetAsync("max-tokens", "8");
        await AskAsync("Who asks first?");
        await _page.GetByTestId("regenerate").ClickAsync();
        await Expect(Answers.GetByTestId("pager")).ToContainTextAsync("2 / 2");
        await Expect(_page.GetByTestId("log")).ToHaveAttributeAsync("aria-busy", "false");
        await second.GetByTestId("temperature").FillAsync("0");
        await second.WaitForFunctionAsync("() => JSON.parse(localStorage['lora.chat.shared']).sampling.temperature === 0");

        await second.ReloadAsync();
        await Expect(second.GetByTestId("question").Last).ToHaveTextAsync("Who asks second?");
        await Expect(second.GetByTestId("facts")).ToHaveCountAsync(1);
        await second.Locator(".asked").Last.Locator(".pager button:enabled").ClickAsync();
        await Expect(second.GetByTestId("question").Last).ToHaveTextAsync("Who asks first?");
        await Expect(second.GetByTestId("answer").GetByTestId("pager")).ToContainTextAsync("2 / 2");

        await first.GetByTestId("chats").GetByTestId("delete").ClickAsync();
        await Expect(first).ToHaveURLAsync(new Regex("/chat$"));
        _page = second;
        await AskAsync("Is it still there?", answers: 2);
        await Expect(second.GetByTestId("not-kept")).ToContainTextAsync("deleted in another window");
        await first.ReloadAsync();
        await Expect(first.Locator(".chats-none")).ToBeVisibleAsync();
    }

    /// <summary>A conversation of one question, as the browser has it.</summary>
    private Task KeepAsync(string id) => _page.EvaluateAsync("""
        id => localStorage["lora.chat." + id] = JSON.stringify({ id, title: id, changed: "2026-01-02T03:04:05Z",
          turns: [{ parent: null, question: `What of ${id}?` }], leaf: 0 })
        """, id);

    private async Task OpenAsync(string path, int width = 1440)
    {
        _page = await app.OpenAsync(path, width);
        await Expect(Message).ToBeEnabledAsync();
    }

    private async Task SetAsync(string name, string value)
    {
        if (!await _page.GetByTestId(name).IsVisibleAsync())
        {
            await _page.GetByTestId("settings").ClickAsync();
        }
        await _page.GetByTestId(name).FillAsync(value);
    }

    private async Task AskEndlesslyAsync()
    {
        await OpenAsync($"/chat?model={EndlessModel.Name}");
        await Expect(_page.GetByTestId("model")).ToHaveValueAsync(EndlessModel.Name);
        await SetAsync("temperature", "0");
        await SetAsync("repetition", "0.5"); // told to repeat itself, it goes on to the end
        await SetAsync("max-tokens", "16000");
        await Message.FillAsync("a a a a a a a a a a");
        await Message.PressAsync("Enter");
    }

    private async Task AskAsync(string question, int answers = 1)
    {
        await Message.FillAsync(question);
        await Message.PressAsync("Enter");
        await Expect(_page.GetByTestId("facts")).ToHaveCountAsync(answers);
    }
}
