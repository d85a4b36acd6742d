using LoraAspire.ServiceDefaults;

namespace LoraAspire.Lab.Layout;

/// <summary>The pages beside this one that the navigation leads to; null where the AppHost named none.</summary>
/// <param name="Chat">The chat service's API as a browser or a program of the reader's reaches it.</param>
/// <param name="Dashboard">Aspire's: resources, consoles, traces, metrics.</param>
public sealed record OtherPages(string? Chat, string? Dashboard)
{
    public static OtherPages From(IConfiguration configuration) =>
        // In containers the services see each other under names that a browser doesn't know.
        new(configuration["LORA_CHAT_URL"] is { Length: > 0 } given ? given : configuration["services:chat:http:0"],
            PageAddress.Of(configuration["LORA_DASHBOARD_URL"]));

    public string? ChatSeenFrom(Uri lab) => PageAddress.SeenFrom(lab, Chat);
}
