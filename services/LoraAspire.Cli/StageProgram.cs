using System.Runtime.InteropServices;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime;

namespace LoraAspire.Cli;

/// <summary>The program of a kind of stage, beside which this one was built.</summary>
internal static class StageProgram
{
    /// <returns>Null where it isn't built.</returns>
    public static string? Of(StageKind kind) => Folders(kind.Program)
        .SelectMany(folder => new[] { kind.Program, kind.Program + ".exe" }.Select(file => Path.Combine(folder, file)))
        .FirstOrDefault(File.Exists);

    /// <summary>Services are built side by side: …/LoraAspire.Cli/bin/X/Y/Z/ has …/LoraAspire.DataBuild/bin/X/Y/Z/ beside it.</summary>
    private static IEnumerable<string> Folders(string program)
    {
        yield return AppContext.BaseDirectory.Replace("LoraAspire.Cli", program, StringComparison.Ordinal);
        // As a dotnet tool this one lies elsewhere, and the checkout is the one that the user stands in.
        if (LoraPaths.Checkout() is { } checkout)
        {
            var system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
            yield return Path.Combine(checkout, "services", program, "bin", "Debug", $"net{Environment.Version.Major}.0",
                $"{system}-{RuntimeInformation.OSArchitecture}".ToLowerInvariant());
        }
    }
}
