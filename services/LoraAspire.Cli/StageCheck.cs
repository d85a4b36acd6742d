using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Cli;

/// <summary>
/// What the stages of a pipeline know of their own work: each one's program is asked, beside which this one was built, so that reading a
/// model or a data file stays theirs.
/// </summary>
internal static class StageCheck
{
    /// <returns>What is wrong, at its place in the file, and which stages couldn't be asked.</returns>
    public static async Task<(IReadOnlyList<Diagnostic> Errors, IReadOnlyList<string> Notes)> OfAsync(
        ParsedPipeline parsed, CancellationToken cancellationToken)
    {
        var asked = await Task.WhenAll(parsed.Required().Stages.Select(stage => AskAsync(parsed, stage, cancellationToken)));
        return ([.. asked.SelectMany(answer => answer.Errors).DistinctBy(error => (error.Line, error.Column, error.Message))],
            [.. asked.Select(answer => answer.Note).OfType<string>().Distinct()]);
    }

    private static async Task<(IReadOnlyList<Diagnostic> Errors, string? Note)> AskAsync(
        ParsedPipeline parsed, StageSpec stage, CancellationToken cancellationToken)
    {
        if (ProgramOf(stage.Kind.Name) is not { } program)
        {
            return ([], $"{stage.Kind.Name} isn't built, so its own checks are left out: dotnet build LoraAspire.sln");
        }
        ProcessStartInfo start = new(program, ["check", Path.GetFullPath(parsed.File), stage.Id])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var (answer, trouble) =
            (process.StandardOutput.ReadToEndAsync(cancellationToken), process.StandardError.ReadToEndAsync(cancellationToken));
        await process.WaitForExitAsync(cancellationToken);
        if (process.ExitCode != 0)
        {
            return ([], $"{stage.Kind.Name} could not look at stage {stage.Id}: {(await trouble).Trim()}");
        }
        var findings = JsonSerializer.Deserialize<Finding[]>((await answer).Trim().Split('\n')[^1], MessageFormat.Json)!;
        return ([.. findings.Select(finding => StagePlaces.At(parsed, stage.Id, finding.Key, finding.Problem))], null);
    }

    /// <summary>Services are built side by side: …/LoraAspire.Cli/bin/X/Y/Z/ has …/LoraAspire.DataBuild/bin/X/Y/Z/ beside it.</summary>
    private static string? ProgramOf(string kind)
    {
        var name = "LoraAspire." + string.Concat(kind.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
        var folder = AppContext.BaseDirectory.Replace("LoraAspire.Cli", name, StringComparison.Ordinal);
        return new[] { name, name + ".exe" }.Select(file => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
    }
}
