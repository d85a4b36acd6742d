using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Cli;

/// <summary>
/// What the stages of a pipeline know of their own work: each one's program is asked, beside which this one was built, so that reading a
/// model or a data file stays theirs.
/// </summary>
internal static class StageOutlooks
{
    /// <returns>What is wrong, at its place in the file, and which stages couldn't be asked.</returns>
    public static async Task<(IReadOnlyList<Diagnostic> Errors, IReadOnlyList<string> Notes)> OfAsync(
        ParsedPipeline parsed, CancellationToken cancellationToken)
    {
        // Those that need nothing of another stage first: what they know of their output, the others are told.
        var stages = parsed.Required().Stages;
        var first = stages.Where(stage => !Needs(stage).Any()).ToList();
        var asked = await Task.WhenAll(first.Select(stage => AskAsync(parsed, stage, null, cancellationToken)));
        var records = first.Zip(asked, (stage, answer) => (stage.Id, answer.Records)).ToDictionary(pair => pair.Id, pair => pair.Records);
        asked = [.. asked, .. await Task.WhenAll(stages.Except(first).Select(stage =>
            AskAsync(parsed, stage, Needs(stage).Select(id => records.GetValueOrDefault(id)).FirstOrDefault(), cancellationToken)))];
        return ([.. asked.SelectMany(answer => answer.Errors).DistinctBy(error => (error.Line, error.Column, error.Message))],
            [.. asked.Select(answer => answer.Note).OfType<string>().Distinct()]);
    }

    private static IEnumerable<string> Needs(StageSpec stage) => stage.Inputs.Values.OfType<StageOutput>().Select(output => output.Stage);

    private static async Task<(IReadOnlyList<Diagnostic> Errors, long? Records, string? Note)> AskAsync(
        ParsedPipeline parsed, StageSpec stage, long? records, CancellationToken cancellationToken)
    {
        if (StageProgram.Of(stage.Kind) is not { } program)
        {
            return ([], null, $"{stage.Kind.Name} isn't built, so its own checks are left out: dotnet build LoraAspire.sln");
        }
        string[] told = records is { } count ? ["--records", count.ToString(CultureInfo.InvariantCulture)] : [];
        try
        {
            var outlook = await AskAsync(program, ["check", parsed.File, stage.Id, .. told], parsed.Yaml, cancellationToken);
            return ([.. outlook.Findings.Select(finding => StagePlaces.At(parsed, stage.Id, finding.Key, finding.Problem))],
                outlook.Records, null);
        }
        // A stage that couldn't look is no stage that found nothing.
        catch (Exception error) when (error is CliException or JsonException or IOException or Win32Exception)
        {
            return ([StagePlaces.At(parsed, stage.Id, "", $"{stage.Kind.Name} could not look at it: {error.Message}")], null, null);
        }
    }

    /// <exception cref="CliException">It ended with an error.</exception>
    private static async Task<StageOutlook> AskAsync(string program, string[] words, string yaml, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(program, words)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var stop = cancellationToken.Register(() => process.Kill());
        var (answer, trouble) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None),
            process.StandardError.ReadToEndAsync(CancellationToken.None));
        try
        {
            await process.StandardInput.WriteAsync(yaml);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it had read all: its exit code and its words say why.
        }
        await process.WaitForExitAsync(CancellationToken.None);
        cancellationToken.ThrowIfCancellationRequested();
        return process.ExitCode == 0
            ? JsonSerializer.Deserialize<StageOutlook>((await answer).Trim().Split('\n')[^1], MessageFormat.Json)!
            : throw new CliException($"{Path.GetFileName(program)} ended with {process.ExitCode}. {(await trouble).Trim()}");
    }
}
