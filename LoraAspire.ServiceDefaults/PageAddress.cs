namespace LoraAspire.ServiceDefaults;

/// <summary>The address of a page of the app, as a link from another of its pages.</summary>
public static class PageAddress
{
    /// <summary>Only a web address becomes a link; null of any other.</summary>
    public static string? Of(string? address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var page) && page.Scheme is "http" or "https" ? page.ToString() : null;

    /// <summary>For a browser that sees the other page here: both listen alike, and elsewhere localhost is another machine.</summary>
    public static string? SeenFrom(Uri here, string? address) =>
        Of(address) is { } page && new Uri(page).IsLoopback && !here.IsLoopback
            ? new UriBuilder(page) { Host = here.Host }.Uri.ToString() : Of(address);
}
