using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using LoraAspire.Fuzz.Targets;

namespace LoraAspire.Fuzz;

/// <summary>
/// All readers, each in a process of its own: one that ends the process, by the stack or in native code, is a crash of that reader and no
/// end of the campaign.
/// </summary>
internal static class Campaign
{
    private const double MostMb = 500;

    /// <returns>The exit code: 0 when nothing crashed, hung, or took too much memory.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> only, int inputs, int seed, string keep,
        CancellationToken cancellationToken)
    {
        using Scratch scratch = new();
        var names = AllTargets.In(scratch).Select(target => target.Name).ToList();
        if (only.FirstOrDefault(name => !names.Contains(name)) is { } unknown)
        {
            await Console.Error.WriteLineAsync($"No reader '{unknown}'. There are: {string.Join(", ", names)}");
            return 2;
        }
        Console.WriteLine(FormattableString.Invariant(
            $"{"reader",-20} {"inputs",7} {"taken",7} {"refused",7} {"crashes",7} {"hangs",5} {"MB",5} {"s",6}"));
        List<TargetResult> results = [];
        foreach (var name in names.Where(name => only.Count == 0 || only.Contains(name)))
        {
            var result = await RunChildAsync(name, inputs, seed, keep, cancellationToken);
            results.Add(result);
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture,
                    $"{result.Name,-20} {result.Inputs,7} {result.Taken,7} {result.Refused,7} {result.Crashes,7} {result.Hangs,5} "
                        + $"{result.PeakMb,5:0} {result.Seconds,6:0.0}"));
            foreach (var fault in result.Faults)
            {
                Console.WriteLine($"    {fault.ReplaceLineEndings("\n    ")}");
            }
        }
        var (crashes, hangs, peak) =
            (results.Sum(result => result.Crashes), results.Sum(result => result.Hangs), results.Max(result => result.PeakMb));
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            name = "fuzz",
            inputs = results.Sum(result => result.Inputs),
            crashes,
            hangs,
            peak_mb = Math.Round(peak),
            readers = results.Count
        }));
        return crashes == 0 && hangs == 0 && peak < MostMb ? 0 : 1;
    }

    public static void RunAlone(string name, int inputs, int seed, string keep)
    {
        using Scratch scratch = new();
        var target = AllTargets.In(scratch).Single(target => target.Name == name);
        Console.WriteLine(JsonSerializer.Serialize(Trial.Run(target, inputs, seed, keep)));
    }

    private static async Task<TargetResult> RunChildAsync(string name, int inputs, int seed, string keep,
        CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        using var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!,
            ["--alone", "--only", name, "--inputs", inputs.ToString(CultureInfo.InvariantCulture), "--seed",
                seed.ToString(CultureInfo.InvariantCulture), "--keep", keep])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        // Native code writes its complaints there, a line for each input that it refuses.
        var complaints = child.StandardError.ReadToEndAsync(cancellationToken);
        var said = (await child.StandardOutput.ReadToEndAsync(cancellationToken)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await child.WaitForExitAsync(cancellationToken);
        return child.ExitCode == 0 && said is [.., var last]
            ? JsonSerializer.Deserialize<TargetResult>(last)!
            : new(name, inputs, 0, 0, 1, 0, 0, clock.Elapsed.TotalSeconds,
                [$"its process ended with "
                    + $"code {child.ExitCode.ToString(CultureInfo.InvariantCulture)}: "
                    + $"{string.Join('\n', (await complaints).Split('\n').TakeLast(30))}"]);
    }
}
