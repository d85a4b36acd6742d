using System.Diagnostics;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.EndToEndTests.Trainer;

/// <summary>The trainer as its own process, ended by SIGKILL: no handler runs, and a checkpoint may be half written.</summary>
public sealed class KilledTrainerTests(ITestOutputHelper output) : IDisposable
{
    private const string Data = """
        prompt_template_name: plain
        cutoff_len: 128
        train_on_inputs: false
        sources:
          - self_cognition: { name: Yanqi, developer: the evening class, abilities: [translation, arithmetic], sample: 120 }
        """;

    private const string Tune = """
        num_epochs: 2
        batch_size: 8
        micro_batch_size: 4
        learning_rate: 2e-3
        warmup_steps: 3
        group_by_length: true
        val_set_size: 16
        eval_steps: 5
        save_steps: 1
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lora-killed-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_trainer_killed_again_and_again_gives_the_artifact_of_an_undisturbed_one()
    {
        await RunAsync("LoraAspire.DataBuild", Data, "data");
        await RunAsync("LoraAspire.Trainer", Tune, "undisturbed");
        var kills = 0;
        while (!await RunAsync("LoraAspire.Trainer", Tune, "killed", killAtLine: 2))
        {
            kills++;
        }

        output.WriteLine($"killed {kills} times");
        Assert.InRange(kills, 1, 100);
        Assert.Equal(Digest("undisturbed"), Digest("killed"));
    }

    private string Digest(string name) =>
        Manifest.DigestOf(Manifest.Of(Path.Combine(_folder.FullName, name, "adapter"), ArtifactKind.Adapter, "trainer@2").ToBytes());

    /// <summary>Runs one stage. False when it was killed: at the line of progress that is this many steps' lines after its start.</summary>
    private async Task<bool> RunAsync(string service, string with, string name, int? killAtLine = null)
    {
        var settings = Path.Combine(_folder.FullName, name + ".yaml");
        await File.WriteAllTextAsync(settings, with, TestContext.Current.CancellationToken);
        using var process = Process.Start(new ProcessStartInfo("dotnet",
            [Built.Assembly(Path.Combine("services", service)), "once", "--with", settings,
                "--input", $"base={Path.Combine(Built.Root, "models", "pebble")}",
                .. service == "LoraAspire.Trainer" ? ["--input", $"dataset={Path.Combine(_folder.FullName, "data", "dataset")}"]
                    : Array.Empty<string>(),
                "--out", Path.Combine(_folder.FullName, name)])
        { RedirectStandardError = true })!;
        List<string> said = [];
        while (await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            said.Add(line);
            if (said.Count(one => one.StartsWith("step ", StringComparison.Ordinal)) == killAtLine && !process.HasExited)
            {
                process.Kill();
                await process.WaitForExitAsync(TestContext.Current.CancellationToken);
                return process.ExitCode == 0;
            }
        }
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, string.Join('\n', said));
        return true;
    }
}
