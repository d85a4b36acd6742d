namespace LoraAspire.RedisTests.Cli;

/// <summary>How an assistant starts <c>lora mcp</c>.</summary>
internal static class McpServerProcess
{
    /// <summary>In its own folder: beside these tests it lacks what they have from ASP.NET.</summary>
    public static string Lora { get; } = Path.Combine(
        AppContext.BaseDirectory.Replace("tests/LoraAspire.RedisTests", "services/LoraAspire.Cli", StringComparison.Ordinal), "lora.dll");

    public static Dictionary<string, string?> Environment(Installation installation) => new()
    {
        ["ConnectionStrings__redis"] = installation.Connection.Configuration,
        ["LORA_STATE"] = installation.Paths.State,
        ["LORA_STORE"] = installation.Paths.Store,
        ["LORA_MODELS"] = installation.Paths.Models,
        ["LORA_DATA"] = installation.Paths.Data,
    };
}
