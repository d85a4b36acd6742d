using System.Text.Json;

namespace LoraAspire.Hosting.Engine;

/// <summary>The first project profile of <c>Properties/launchSettings.json</c>.</summary>
internal static class LaunchProfile
{
    public static IEnumerable<(string Name, string Value)> Environment(string projectPath)
    {
        var file = Path.Combine(Path.GetDirectoryName(projectPath)!, "Properties", "launchSettings.json");
        if (!File.Exists(file))
        {
            return [];
        }
        using var settings = JsonDocument.Parse(File.ReadAllText(file), new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
        return settings.RootElement.TryGetProperty("profiles", out var profiles)
            && profiles.EnumerateObject().FirstOrDefault(p => p.Value.TryGetProperty("commandName", out var name) && name.GetString() == "Project") is { Value.ValueKind: JsonValueKind.Object } profile
            && profile.Value.TryGetProperty("environmentVariables", out var variables)
            ? [.. variables.EnumerateObject().Select(v => (v.Name, v.Value.GetString() ?? ""))]
            : [];
    }
}
