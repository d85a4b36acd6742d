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

    private static Task ImportAsync(IPage page, string name, string text) => page.GetByTestId("import").SetInputFilesAsync(
        new FilePayload { Name = name, MimeType = "application/json", Buffer = Encoding.UTF8.GetBytes(text) });

    private static async Task<string> CopiedAsync(IPage page, ILocator button)
    {
        await button.ClickAsync();
        await Expect(button).ToHaveTextAsync("Copied", new() { UseInnerText = true });
        return await page.EvaluateAsync<string>("navigator.clipboard.readText()");
    }
}
