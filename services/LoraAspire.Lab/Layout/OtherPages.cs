namespace LoraAspire.Lab.Layout;

/// <summary>The pages beside this one that the navigation leads to; null where the AppHost named none.</summary>
/// <param name="Dashboard">Aspire's: resources, consoles, traces, metrics.</param>
public sealed record OtherPages(string? Chat, string? Dashboard)
{
    public static OtherPages From(IConfiguration configuration) =>
        new(Page(configuration["services:chat:http:0"]), Page(configuration["LORA_DASHBOARD_URL"]));

    /// <summary>
    /// The chat page for a browser that sees the lab at this address: both listen alike, and elsewhere localhost is another machine.
    /// </summary>
    public string? ChatSeenFrom(Uri lab) =>
        Chat is { } chat && new Uri(chat).IsLoopback && !lab.IsLoopback ? new UriBuilder(chat) { Host = lab.Host }.Uri.ToString() : Chat;

    /// <summary>Only a web address becomes a link.</summary>
    private static string? Page(string? address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var page) && page.Scheme is "http" or "https" ? page.ToString() : null;
}
