using System.Diagnostics;

namespace LoraAspire.Tests;

public sealed class RunFolderTests
{
    [Fact]
    public async Task Temporary_files_of_tests_and_of_what_they_start_go_with_the_run()
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        Assert.StartsWith(RunFolder.Path + Path.DirectorySeparatorChar, folder, StringComparison.Ordinal);
        Assert.SkipWhen(OperatingSystem.IsWindows(), "asks a shell");
        using var child = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "echo $TMPDIR"]) { RedirectStandardOutput = true })!;
        Assert.Equal(RunFolder.Path, (await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Trim());
    }

    [Fact]
    public void What_a_killed_run_left_is_cleared_away_a_day_later()
    {
        var root = Directory.CreateTempSubdirectory("lora-runs-").FullName;
        string[] runs = ["lora-tests-old", "lora-tests-new", "another"];
        foreach (var run in runs)
        {
            Directory.CreateDirectory(Path.Combine(root, run, "left"));
        }
        foreach (var run in new[] { "lora-tests-old", "another" })
        {
            Directory.SetLastWriteTimeUtc(Path.Combine(root, run), DateTime.UnixEpoch.AddYears(40));
        }
        RunFolder.ClearLeft(root);
        Assert.Equal([false, true, true], runs.Select(run => Directory.Exists(Path.Combine(root, run))));
    }
}
