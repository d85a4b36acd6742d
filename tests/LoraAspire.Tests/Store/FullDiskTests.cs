using System.Diagnostics;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Tests.Trainer;

namespace LoraAspire.Tests.Store;

/// <summary>
/// Stages as processes of their own on a disk of a few megabytes: a tmpfs in a mount namespace that only the process sees.
/// </summary>
[Collection(Goldens.TorchRandom.Name)]
public sealed class FullDiskTests : IDisposable
{
    private const string Mount = "mount -t tmpfs -o \"$0\" none \"$1\" && shift && exec \"$@\"";

    private readonly TrainerStageRun _stage = new();
    private readonly TestFolder _folder = new();

    public void Dispose()
    {
        _stage.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_checkpoint_without_room_fails_in_words_that_say_how_much_is_missing()
    {
        var (code, said) = await RunAsync("Trainer", "size=20m",
            "finetuning_type: full\nbatch_size: 8\nnum_epochs: 1\nsave_steps: 1\nval_set_size: 0\nwarmup_steps: 0\nlearning_rate: 1e-4",
            $"dataset={_stage.Dataset}", $"base={TrainerStageRun.Base}");

        Assert.Equal(1, code);
        Assert.Matches(
            @"The checkpoint of step 1 needs \d+\.\d MB, and the disk of .* has \d+\.\d MB free: \d+\.\d MB are missing\. Make room", said);
    }

    [Fact]
    public async Task A_merge_without_room_fails_before_it_writes_weights()
    {
        _stage.Run(new TrainerParams { NumEpochs = 1, BatchSize = 40, ValSetSize = 0, WarmupSteps = 0, LoraR = 2 }, "trained");

        var (code, said) =
            await RunAsync("Merger", "size=5m", "{}", $"adapter={_stage.Adapter("trained")}", $"base={TrainerStageRun.Base}");

        Assert.Equal(1, code);
        Assert.Matches(@"The merged model needs 10\.\d MB, and the disk of .* has [45]\.\d MB free: [456]\.\d MB are missing\. Make room",
            said);
    }

    [Fact]
    public async Task A_data_set_without_room_fails_in_words()
    {
        var (code, said) = await RunAsync("DataBuild", "size=200k",
            "prompt_template_name: plain\nsources: [ { self_cognition: { name: Y, developer: D, repeat: 20 } } ]",
            $"base={TrainerStageRun.Base}");

        Assert.Equal(1, code);
        Assert.Contains("No space left on device", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disk_that_cannot_be_written_fails_in_words()
    {
        var (code, said) = await RunAsync("Merger", "size=5m,ro", "{}", $"adapter={_stage.Dataset}", $"base={TrainerStageRun.Base}");

        Assert.Equal(1, code);
        Assert.Contains("Read-only file system", said, StringComparison.Ordinal);
    }

    private async Task<(int Code, string Said)> RunAsync(string service, string disk, string with, params string[] inputs)
    {
        var place = Directory.CreateDirectory(_folder.At("disk")).FullName;
        using var process = Process.Start(new ProcessStartInfo("unshare",
            ["-rm", "sh", "-c", Mount, disk, place, "dotnet", Path.Combine(AppContext.BaseDirectory, $"LoraAspire.{service}.dll"), "once",
                "--with", _folder.Write("with.yaml", with),
                .. inputs.SelectMany(input => new[] { "--input", input }), "--out", Path.Combine(place, "out")])
        { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var said = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.SkipWhen(said.StartsWith("unshare: ", StringComparison.Ordinal) || said.StartsWith("mount: ", StringComparison.Ordinal),
            $"this machine gives no user a disk of their own: {said}");
        return (process.ExitCode, said + await output);
    }
}
