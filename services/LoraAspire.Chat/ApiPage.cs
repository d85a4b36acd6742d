using System.Text.Encodings.Web;
using LoraAspire.ServiceDefaults;

namespace LoraAspire.Chat;

/// <summary>
/// What a browser finds at the service's address: what the API is, and where the chat itself is, which is a page of the lab.
/// </summary>
public static class ApiPage
{
    public static void MapApiPage(this WebApplication app) => app.MapGet("/", (HttpRequest request, IConfiguration configuration) =>
        Results.Content(Html(PageAddress.SeenFrom(new UriBuilder(request.Scheme, request.Host.Host).Uri, configuration["LORA_LAB_URL"])),
            "text/html; charset=utf-8"));

    /// <param name="lab">As the browser sees it that asks; null where the AppHost named none.</param>
    internal static string Html(string? lab) => $"""
        <!doctype html>
        <html lang="en">
        <head>
          <meta charset="utf-8">
          <meta name="viewport" content="width=device-width, initial-scale=1">
          <meta name="color-scheme" content="light dark">
          <title>Chat service · LoraAspire</title>
          <link rel="stylesheet" href="style.css">
        </head>
        <body>
          <main>
            <h1>Chat service</h1>
            <p>This address is for programs. {(lab is null ? "To talk to a model, open the lab's page Chat."
                : $"To talk to a model, open <a href=\"{HtmlEncoder.Default.Encode(new Uri(new Uri(lab), "/chat").ToString())}\">Chat in the lab</a>.")}</p>
            <p lang="zh-Hans">本地址供程序调用；要与模型对话，请打开实验页的“对话”。</p>
            <dl>
              <dt><code>/v1</code></dt><dd>OpenAI's API: chat completions, completions, responses, embeddings, <a href="v1/models">models</a></dd>
              <dt><code>/api</code></dt><dd>Ollama's API: chat, generate, <a href="api/tags">tags</a></dd>
              <dt><code>/tokenize</code></dt><dd>with <code>/detokenize</code> and <code>/apply-template</code>: what a model sees of a text</dd>
              <dt><code>/metrics</code></dt><dd>for Prometheus; <a href="health">health</a> says whether the service is well</dd>
            </dl>
            <p>docs/serving.md lists every field.</p>
          </main>
        </body>
        </html>
        """;
}
