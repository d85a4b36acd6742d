using System.Diagnostics;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Trainer;

/// <summary>
/// The whole trainer stage on several devices: here processes on the CPU, each a real <c>LoraAspire.Trainer rank</c>, which prove the
/// arithmetic of any number of GPUs.
/// </summary>
[Collection(Goldens.TorchRandom.Name)]
public sealed class SeveralDevicesTests(ITestOutputHelper output) : IDisposable
{
    // Sums in another order differ by float32's rounding: 1e-6 was seen of losses near 10, which is one or two units in their last place.
    private const double Tolerance = 2e-5;

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private readonly TrainerStageRun _stage = new();

    // 34 rows to train on: of the 9 rows of a step, and of the 7 of an epoch's last, devices get unlike numbers.
    private static TrainerParams Settings => new()
    {
        BatchSize = 9,
        MicroBatchSize = 3,
        MicroBatchTokens = 64,
        NumEpochs = 2,
        ValSetSize = 6,
        WarmupSteps = 0,
        LoraR = 4,
        LoraDropout = 0.2,
        LoraTargetModules = ["all-linear"],
        EvalSteps = 2,
        SaveSteps = 1,
        SaveTotalLimit = 20,
        LearningRate = 1e-3,
    };

    public static TheoryData<string, TrainerParams> Kinds => new()
    {
        { "LoRA with dropout", Settings },
    };

    public static TheoryData<string, TrainerParams> OtherKinds => new()
    {
        { "DoRA with dropout", Settings with { UseDora = true } },
        { "a base in NF4", Settings with { BaseType = BaseType.Nf4, LowMemory = true } },
        { "layers recomputed", Settings with { LowMemory = true } },
        { "as alpaca-lora weighs its rows", Settings with { Compat = Compat.AlpacaLora } },
        { "full fine-tuning", Settings with { FinetuningType = FinetuningType.Full, LearningRate = 1e-4 } },
        { "a base in int8", Settings with { BaseType = BaseType.Int8 } },
        { "a row a step, so that all devices but one have none", Settings with { BatchSize = 1, MicroBatchSize = 1, MaxSteps = 6 } },
    };

    public void Dispose() => _stage.Dispose();

    [Theory, MemberData(nameof(OtherKinds)), Trait("Category", "Long")]
    public void Several_devices_train_as_one_does_in_every_other_way(string kind, TrainerParams settings) =>
        Several_devices_train_as_one_does(kind, settings);

    [Theory, MemberData(nameof(Kinds))]
    public void Several_devices_train_as_one_does(string kind, TrainerParams settings)
    {
        string[] numbers = settings is
        {
            LowMemory: false, UseDora: false, Compat: Compat.None, FinetuningType: FinetuningType.Lora,
            BaseType: BaseType.Bf16
        } ? ["2", "3"] : ["2"];
        Run(settings, "1");
        foreach (var devices in numbers)
        {
            Run(settings with { Devices = Of(devices) }, devices);
        }

        Assert.All(numbers, devices => AssertClose("1", devices, kind));
    }

    [Theory, Trait("Category", "Long")]
    [InlineData("3", false, BaseType.Bf16)]
    [InlineData("3", true, BaseType.Bf16)]
    [InlineData("2", false, BaseType.Int8)]
    [InlineData("2", true, BaseType.Nf4)]
    public void Any_base_that_is_shared_among_the_devices_gives_the_same(string devices, bool lowMemory, BaseType held) =>
        A_base_that_is_shared_among_the_devices_gives_the_same(devices, lowMemory, held);

    [Theory]
    [InlineData("3", false, BaseType.Nf4)]
    public void A_base_that_is_shared_among_the_devices_gives_the_same(string devices, bool lowMemory, BaseType held)
    {
        var settings = Settings with { LowMemory = lowMemory, Devices = Of(devices), BaseType = held };
        Run(settings, "whole");
        Run(settings with { ShardBase = true }, "shared");

        // The same sums of the same numbers.
        Assert.Equal(File.ReadAllBytes(Weights("whole")), File.ReadAllBytes(Weights("shared")));
        Assert.Contains(_stage.Reports, report => report.Message?.Contains($"base shared among {devices} devices",
            StringComparison.Ordinal) == true);
    }

    [Theory, Trait("Category", "Long")]
    [InlineData("1", "2")]
    [InlineData("2", "2")]
    [InlineData("2", "3")]
    public void A_run_goes_on_on_any_other_number_of_devices(string before, string after) =>
        A_run_goes_on_on_another_number_of_devices(before, after);

    [Theory]
    [InlineData("2", "1")]
    public void A_run_goes_on_on_another_number_of_devices(string before, string after)
    {
        Run(Settings with { Devices = Of(before) }, "undisturbed");
        Assert.Throws<OperationCanceledException>(() => Run(Settings with { Devices = Of(before) }, "stopped", stopAfter: 4));
        var kept = File.ReadAllLines(Metrics("stopped"));

        Run(Settings with { Devices = Of(after) }, "stopped");

        Assert.InRange(kept.Length, 4, 7);
        Assert.Equal(kept, File.ReadAllLines(Metrics("stopped"))[..kept.Length]);
        AssertClose("undisturbed", "stopped", $"{before} to {after}");
        if (before == after)
        {
            Assert.Equal(File.ReadAllBytes(Weights("undisturbed")), File.ReadAllBytes(Weights("stopped")));
        }
    }

    [Fact]
    public void A_device_whose_process_is_killed_fails_the_attempt_soon_and_the_next_goes_on_from_the_checkpoint()
    {
        var settings = Settings with { Devices = Of("3") };
        Run(settings, "undisturbed");
        var clock = new Stopwatch();

        var error = Assert.Throws<StageException>(() => _stage.Run(settings, "killed", each: step =>
        {
            if (step == 3)
            {
                clock.Start();
                RanksOf(Environment.ProcessId)[0].Kill();
            }
        }));

        output.WriteLine($"failed {clock.ElapsedMilliseconds} ms after the kill: {error.Message}");
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, Soon);
        Assert.True(error.Transient);
        Assert.Matches("The process of device [12] ended by SIGKILL", error.Message);
        Assert.Empty(RanksOf(Environment.ProcessId));
        _stage.Reports.Clear();
        Run(settings, "killed");
        Assert.Contains(_stage.Reports, report =>
            report.Message?.StartsWith("Resuming from the checkpoint of step", StringComparison.Ordinal) == true);
        Assert.Equal(File.ReadAllBytes(Weights("undisturbed")), File.ReadAllBytes(Weights("killed")));
    }

    [Fact]
    public async Task A_kill_of_the_first_device_leaves_no_process_behind_and_Ctrl_C_saves_and_ends_them_all()
    {
        var stop = TestContext.Current.CancellationToken;
        using (var killed = await StartedAsync("killed"))
        {
            var others = RanksOf(killed.Id);
            Assert.Equal(2, others.Count);
            killed.Kill();
            await Task.WhenAll(others.Select(process => process.WaitForExitAsync(stop))).WaitAsync(Soon, stop);
        }

        using var interrupted = await StartedAsync("interrupted");
        var ranks = RanksOf(interrupted.Id);
        using (var signal = Process.Start("kill", ["-INT", $"{interrupted.Id}", .. ranks.Select(process => $"{process.Id}")]))
        {
            await signal.WaitForExitAsync(stop);
        }
        var said = await interrupted.StandardError.ReadToEndAsync(stop);
        await interrupted.WaitForExitAsync(stop);

        Assert.Equal(130, interrupted.ExitCode);
        Assert.Contains(", saved:", said, StringComparison.Ordinal);
        await Task.WhenAll(ranks.Select(process => process.WaitForExitAsync(stop))).WaitAsync(Soon, stop);
    }

    [Fact]
    public void What_a_device_cannot_do_is_told_in_its_own_words()
    {
        var wide = Assert.Throws<StageException>(() => Run(Settings with
        {
            Devices = Of("2"),
            ShardBase = true,
            ComputeType = ComputeType.Bfloat16,
        }, "bfloat16"));
        Assert.Contains("shard_base needs the hand-written backward, and this training goes on autograd: on the CPU it computes in float32",
            wide.Message, StringComparison.Ordinal);

        var gpus = Assert.Throws<StageException>(() => Run(Settings with { Devices = Of("[0, 1]") }, "gpus"));
        Assert.Contains("this libtorch sees no GPU", gpus.Message, StringComparison.Ordinal);
        Assert.Empty(RanksOf(Environment.ProcessId));
    }

    [Fact, Trait("Category", "Long")]
    public void What_the_base_is_held_in_is_decided_once_for_all_devices()
    {
        var settings = Settings with { Devices = Of("2"), BaseType = BaseType.Auto };
        Assert.Throws<OperationCanceledException>(() => Run(settings, "auto", stopAfter: 2));
        var choice = Path.Combine(_stage.Checkpoints("auto"), "base.json");
        Assert.Contains("\"bf16\"", File.ReadAllText(choice), StringComparison.Ordinal);
        // As another machine would have chosen it: were a rank to choose for itself, it would have bf16 and other losses.
        File.WriteAllText(choice, """{"format":"nf4","low_memory":true,"tokens":64}""");
        Directory.CreateDirectory(_stage.Checkpoints("chosen"));
        File.Copy(choice, Path.Combine(_stage.Checkpoints("chosen"), "base.json"));

        Run(Settings with { BaseType = BaseType.Nf4, LowMemory = true }, "asked");
        Run(settings, "chosen");

        AssertClose("asked", "chosen", "base_type auto on two devices");
    }

    [Fact]
    public void The_card_says_how_many_devices_it_took()
    {
        Run(Settings with { Devices = Of("2"), ShardBase = true, MaxSteps = 2 }, "carded");

        Assert.Contains("| devices | 2, the base shared among them |",
            File.ReadAllText(Path.Combine(_stage.Adapter("carded"), "README.md")), StringComparison.Ordinal);
    }

    private static DeviceChoice Of(string text) => DeviceChoice.Of(text)!;

    private void Run(TrainerParams settings, string name, int? stopAfter = null) => _stage.Run(settings, name, stopAfter);

    private string Output(string name) => Directory.GetParent(_stage.Adapter(name))!.GetDirectories()[0].FullName;

    private string Weights(string name) => Directory.GetFiles(Output(name), "*.safetensors").Single();

    private string Metrics(string name) => Path.Combine(_stage.Checkpoints(name), MetricsLog.FileName);

    private void AssertClose(string expected, string actual, string what)
    {
        var (one, other) = (MetricsLog.Read(Metrics(expected)), MetricsLog.Read(Metrics(actual)));
        Assert.Equal(one.Select(line => (line.Step, line.Tokens)), other.Select(line => (line.Step, line.Tokens)));
        var furthest = one.Zip(other).Max(pair => Math.Max(Math.Abs(pair.First.Loss - pair.Second.Loss),
            Math.Abs((pair.First.EvalLoss ?? 0) - (pair.Second.EvalLoss ?? 0))));
        output.WriteLine($"{what}, {actual}: losses differ by at most {furthest:0.0e0} of {one[0].Loss:0.00}");
        Assert.InRange(furthest, 0, Tolerance);
        Assert.All(one.Zip(other), pair =>
            Assert.Equal(pair.First.GradNorm!.Value, pair.Second.GradNorm!.Value, 1e-3 * pair.First.GradNorm.Value));
        using SafetensorsFile first = SafetensorsFile.Open(Weights(expected)), second = SafetensorsFile.Open(Weights(actual));
        Assert.Equal(first.Tensors.Keys.Order(StringComparer.Ordinal), second.Tensors.Keys.Order(StringComparer.Ordinal));
    }

    /// <summary>Three processes of `once`, in the middle of the run.</summary>
    private async Task<Process> StartedAsync(string name)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(_stage.Dataset)!, "once")).FullName;
        var with = Path.Combine(folder, name + ".yaml");
        await File.WriteAllTextAsync(with, "devices: 3\nbatch_size: 9\nmicro_batch_size: 3\nnum_epochs: 1000\nval_set_size: 0\n",
            TestContext.Current.CancellationToken);
        // A shell's job in the background passes on that Ctrl-C is ignored.
        var process = Process.Start(new ProcessStartInfo("env",
            ["--default-signal=INT", "dotnet", Path.Combine(AppContext.BaseDirectory, "LoraAspire.Trainer.dll"), "once", "--with", with,
                "--input", $"base={TrainerStageRun.Base}", "--input", $"dataset={_stage.Dataset}", "--out", Path.Combine(folder, name)])
        { RedirectStandardError = true })!;
        while (await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.StartsWith("step ", StringComparison.Ordinal))
            {
                return process;
            }
        }
        throw new InvalidOperationException($"It ended with exit code {process.ExitCode}.");
    }

    private static IReadOnlyList<Process> RanksOf(int parent) =>
        [.. Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out var _)).Select(int.Parse!)
            .Where(id => Read($"/proc/{id}/stat").Split(") ") is [_, var rest] && rest.Split(' ') is [not "Z", var of, ..]
                && of == $"{parent}" && Read($"/proc/{id}/cmdline").TrimEnd('\0').EndsWith("\0rank", StringComparison.Ordinal))
            .Select(Process.GetProcessById)];

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";
        }
    }
}
