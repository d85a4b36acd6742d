using Markdig;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace LoraAspire.Lab.RunPages;

/// <summary>
/// Markdown of an artifact as HTML: HTML in it is text, links lead to pages of the web or to files beside it, pictures are files beside it.
/// </summary>
public static class SafeMarkdown
{
    private static readonly MarkdownPipeline s_pipeline = new MarkdownPipelineBuilder().UsePipeTables().DisableHtml().Build();

    /// <param name="file">A path → the address of the file, null where there is none.</param>
    /// <param name="picture">A path → where it is shown.</param>
    /// <returns>Null where it is nested too deep to be read: it is shown as text then.</returns>
    public static string? ToHtml(string markdown, Func<string, string?> file, Func<string, string?> picture)
    {
        try
        {
            return Converted(markdown, file, picture);
        }
        catch (ArgumentException)
        {
            return null; // so Markdig says that its limit of depth is passed
        }
    }

    private static string Converted(string markdown, Func<string, string?> file, Func<string, string?> picture)
    {
        var document = Markdown.Parse(markdown, s_pipeline);
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
        return document.ToHtml(s_pipeline);
    }

    private static bool IsWeb(string? url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var address) && (address.Scheme is "https" or "http");

    private static string Path(string? url) => Uri.UnescapeDataString(url ?? "").TrimStart('.', '/');
}
