using System.Text;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>A conversation from a file, and what can be taken out of it again.</summary>
[Collection(LabCollection.Name)]
public sealed class ChatImportTests(LabApp app)
{
    private const string Answer = "Like this:\n\n```py\nx = 1\n```";

    [Fact]
    public async Task A_file_is_shown_as_a_conversation_whose_messages_and_code_are_copied_by_their_buttons()
    {
        var page = await app.OpenAsync("/chat");
        await page.Context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);
        await Expect(page.GetByTestId("message")).ToBeEnabledAsync();
        await ImportAsync(page, "none.json", "[]");
        await Expect(page.Locator(".mud-snackbar")).ToContainTextAsync("none.json holds no conversation");
        await ImportAsync(page, "talk.json",
            """{"messages": [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "Like this:\n\n```py\nx = 1\n```"}]}""");
        await Expect(page.GetByTestId("answer-text")).ToContainTextAsync("Like this:");

        Assert.Equal("x = 1\n", await CopiedAsync(page, page.Locator(".code-block button")));
        Assert.Equal(Answer, await CopiedAsync(page, page.GetByTestId("answer").GetByTestId("copy-message")));
        Assert.Equal("How?", await CopiedAsync(page, page.Locator(".asked").GetByTestId("copy-message")));
        // As on a page that comes from another machine by clear text, and where that doesn't help either.
        await page.EvaluateAsync("() => { navigator.clipboard.writeText = undefined; document.execCommand = () => false; }");
        await page.Locator(".code-block button").ClickAsync();
        await Expect(page.Locator(".code-block button")).ToHaveTextAsync("Not copied", new() { UseInnerText = true });
        await page.Context.CloseAsync();
    }

    [Fact]
    public async Task A_file_that_was_exported_brings_back_the_second_column_and_every_other_answer()
    {
        var page = await app.OpenAsync("/chat");
        await Expect(page.GetByTestId("message")).ToBeEnabledAsync();
        await page.EvaluateAsync("""
            () => localStorage["lora.chat.rich"] = JSON.stringify({ id: "rich", title: "Rich", model: "one", other: "two", isBeside: true,
              turns: [{ parent: null, question: "Who?", answers: [
                { variants: [{ model: "one", text: "I.", finish: "stop" }, { model: "one", text: "Me.", finish: "stop" }], chosen: 0 },
                { variants: [{ model: "two", text: "You.", finish: "stop" }], chosen: 0 }] },
                { parent: null, question: "Whose?" }], leaf: 0 })
            """);
        await page.GotoAsync(new Uri(app.Address, "/chat?id=rich").ToString());
        await Expect(page.GetByTestId("answer")).ToHaveCountAsync(2);
        var download = await page.RunAndWaitForDownloadAsync(() => page.GetByTestId("export-chat").ClickAsync());
        await page.GetByTestId("chats").GetByTestId("delete").ClickAsync();
        await Expect(page.GetByTestId("answer")).ToHaveCountAsync(0);
        await page.GetByTestId("import").SetInputFilesAsync(await download.PathAsync());

        await Expect(page.GetByTestId("answer-text")).ToHaveTextAsync(["You.", "I."]);
        await Expect(page.GetByTestId("answer").GetByTestId("pager")).ToContainTextAsync("1 / 2");
        await Expect(page.Locator(".asked").GetByTestId("pager")).ToContainTextAsync("1 / 2");
        await page.Context.CloseAsync();
    }

    private static Task ImportAsync(IPage page, string name, string text) => page.GetByTestId("import").SetInputFilesAsync(
        new FilePayload { Name = name, MimeType = "application/json", Buffer = Encoding.UTF8.GetBytes(text) });

    private static async Task<string> CopiedAsync(IPage page, ILocator button)
    {
        await button.ClickAsync();
        await Expect(button).ToHaveTextAsync("Copied", new() { UseInnerText = true });
        return await page.EvaluateAsync<string>("navigator.clipboard.readText()");
    }
}
