namespace LoraAspire.Chat;

/// <summary>Where the page leads besides itself, as the browser sees it that asks.</summary>
/// <param name="Lab">The page of runs; null where the AppHost named none.</param>
public sealed record PageLinks(string? Lab);
