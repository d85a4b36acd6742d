using LoraAspire.ServiceDefaults;

namespace LoraAspire.Lab.Layout;

/// <summary>The pages beside this one that the navigation leads to; null where the AppHost named none.</summary>
/// <param name="Dashboard">Aspire's: resources, consoles, traces, metrics.</param>
public sealed record OtherPages(string? Chat, string? Dashboard)
{
    public static OtherPages From(IConfiguration configuration) =>
        new(configuration["services:chat:http:0"], PageAddress.Of(configuration["LORA_DASHBOARD_URL"]));

    public string? ChatSeenFrom(Uri lab) => PageAddress.SeenFrom(lab, Chat);
}
