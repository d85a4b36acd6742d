using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Cli;

/// <summary>The program of a kind of stage, beside which this one was built.</summary>
internal static class StageProgram
{
    /// <summary>Services are built side by side: …/LoraAspire.Cli/bin/X/Y/Z/ has …/LoraAspire.DataBuild/bin/X/Y/Z/ beside it.</summary>
    /// <returns>Null where it isn't built.</returns>
    public static string? Of(StageKind kind)
    {
        var name = kind.Program;
        var folder = AppContext.BaseDirectory.Replace("LoraAspire.Cli", name, StringComparison.Ordinal);
        return new[] { name, name + ".exe" }.Select(file => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
    }
}
