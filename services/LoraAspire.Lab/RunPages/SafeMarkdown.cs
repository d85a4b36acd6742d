using Markdig;
using Markdig.Renderers;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace LoraAspire.Lab.RunPages;

/// <summary>
/// Markdown of an artifact or an answer as HTML: HTML in it is text, links lead to pages of the web or to files beside it, pictures are
/// files beside it.
/// </summary>
public static class SafeMarkdown
{
    private static readonly MarkdownPipeline s_pipeline = new MarkdownPipelineBuilder().UsePipeTables().DisableHtml().Build();

    /// <summary>Who answers in a chat means the line breaks that it writes.</summary>
    private static readonly MarkdownPipeline s_chat = new MarkdownPipelineBuilder().UsePipeTables().UseEmphasisExtras()
        .UseSoftlineBreakAsHardlineBreak().DisableHtml().Build();

    /// <param name="file">A path → the address of the file, null where there is none.</param>
    /// <param name="picture">A path → where it is shown.</param>
    /// <returns>Null where it can't be read, as of one that is nested too deep: it is shown as text then.</returns>
    public static string? ToHtml(string markdown, Func<string, string?> file, Func<string, string?> picture) =>
        Readable(() => Linked(markdown, s_pipeline, file, picture).ToHtml(s_pipeline));

    /// <summary>What a model said: no files or pictures, links in a tab of their own, code with a button that copies it.</summary>
    /// <param name="copy">What stands on that button, before and after; after, too, where there is no clipboard.</param>
    /// <returns>Null where it can't be read, as of one that is nested too deep: it is shown as text then.</returns>
    public static string? OfChat(string markdown, (string Copy, string Copied, string Failed) copy) => Readable(() =>
    {
        var document = Linked(markdown, s_chat, _ => null, _ => null);
        foreach (var link in document.Descendants<LinkInline>().Cast<MarkdownObject>().Concat(document.Descendants<AutolinkInline>()))
        {
            link.GetAttributes().AddProperty("target", "_blank");
            link.GetAttributes().AddProperty("rel", "noopener noreferrer");
        }
        using StringWriter html = new();
        HtmlRenderer renderer = new(html);
        s_chat.Setup(renderer);
        renderer.ObjectRenderers.Replace<CodeBlockRenderer>(new CopiedCode(copy));
        renderer.Render(document);
        return html.ToString();
    });

    private static string? Readable(Func<string> convert)
    {
        try
        {
            return convert();
        }
        catch (Exception)
        {
            // So Markdig says that its limit of depth is passed; and no text, whatever it fails at, may end the page.
            return null;
        }
    }

    private static MarkdownDocument Linked(string markdown, MarkdownPipeline pipeline, Func<string, string?> file,
        Func<string, string?> picture)
    {
        var document = Markdown.Parse(markdown, pipeline);
        foreach (var link in document.Descendants<LinkInline>().ToList())
        {
            link.Url = link.IsImage ? picture(Path(link.Url)) : IsWeb(link.Url) ? link.Url : file(Path(link.Url));
            link.GetDynamicUrl = null;
            if (link.Url is null)
            {
                // What it says stays; where it leads doesn't.
                link.ReplaceBy(new ContainerInline(), copyChildren: true);
            }
        }
        foreach (var link in document.Descendants<AutolinkInline>().Where(link => !IsWeb(link.Url)).ToList())
        {
            link.ReplaceBy(new LiteralInline(link.Url));
        }
        return document;
    }

    private static bool IsWeb(string? url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var address) && (address.Scheme is "https" or "http");

    private static string Path(string? url) => Uri.UnescapeDataString(url ?? "").TrimStart('.', '/');

    /// <summary>A block of code under a line with its language and the button (app.js).</summary>
    private sealed class CopiedCode((string Copy, string Copied, string Failed) words) : CodeBlockRenderer
    {
        protected override void Write(HtmlRenderer renderer, CodeBlock obj)
        {
            renderer.Write("<div class=\"code-block\"><div class=\"code-head\"><span>").WriteEscape((obj as FencedCodeBlock)?.Info)
                .Write("</span><button type=\"button\" class=\"tool copy\" data-copy-code data-done=\"").WriteEscape(words.Copied)
                .Write("\" data-failed=\"").WriteEscape(words.Failed).Write("\"><span class=\"before\">").WriteEscape(words.Copy)
                .Write("</span><span class=\"after\" role=\"status\"></span></button></div>");
            base.Write(renderer, obj);
            renderer.Write("</div>");
        }
    }
}
