using LoraAspire.Runtime;
using Spectre.Console;

namespace LoraAspire.AppHost.Terminal;

/// <summary>Where the app is reached, as the terminal shows it: links that log a browser in where one must be.</summary>
internal static class Places
{
    public static void Show(AppAddresses where, AppHostOptions options, string? key)
    {
        var dashboard = where.Dashboard is { } address ? $"  Aspire's dashboard {address}" : "";
        AnsiConsole.MarkupLineInterpolated($"Lab [link]{Link(where.Lab)}[/]  chat [link]{Link(where.Chat)}[/]{dashboard}");
        if (key is not null)
        {
            Screen.Note($"These links carry the key of {options.KeyFile}; a program sends it as 'Authorization: Bearer KEY'. It travels "
                + "in clear text: use a network that you trust, or a tunnel.");
        }

        string Link(string page) => key is null ? page
            : new Uri(ListenAddress.AsSeenFromBeyond(new Uri(page), options.Listen), $"/login?key={Uri.EscapeDataString(key)}").ToString();
    }
}
