using LoraAspire.Runtime;
using Spectre.Console;

namespace LoraAspire.AppHost.Terminal;

/// <summary>Where the app is reached, as the terminal shows it: links that log a browser in where one must be.</summary>
internal static class Places
{
    public static void Show(AppAddresses where, AppHostOptions options, string? key)
    {
        var dashboard = where.Dashboard is { } address ? $"  Aspire's dashboard {address}" : "";
        if (key is null)
        {
            var chat = new Uri(new Uri(where.Lab), "/chat");
            AnsiConsole.MarkupLineInterpolated(
                $"Lab [link]{where.Lab}[/]  chat [link]{chat}[/]  its API [link]{where.Chat}[/]{dashboard}");
        }
        else
        {
            AnsiConsole.MarkupLineInterpolated(
                $"Lab and chat [link]{Link(where.Lab)}[/]  chat API [link]{Link(where.Chat)}[/]{dashboard}");
            Screen.Note($"These links carry the key of {options.KeyFile}; a program sends it as 'Authorization: Bearer KEY'. It travels "
                + "in clear text: use a network that you trust, or a tunnel.");
        }

        string Link(string page) =>
            new Uri(ListenAddress.AsSeenFromBeyond(new Uri(page), options.Listen), $"/login?key={Uri.EscapeDataString(key)}").ToString();
    }
}
