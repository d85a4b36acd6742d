using System.Diagnostics;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.EndToEndTests.Attempts;

/// <summary>
/// Each attempt has a process of its own: what becomes of a run when it, or its worker, is killed, and when the run is cancelled.
/// </summary>
public sealed class AttemptProcessTests(ITestOutputHelper output)
{
    private const string Pipeline = """
        name: killed
        stages:
          - id: data
            uses: data-build
            inputs: { base: model:pebble }
            with:
              prompt_template_name: plain
              cutoff_len: 128
              train_on_inputs: false
              sources:
                - self_cognition: { name: Yanqi, developer: the evening class, abilities: [translation, arithmetic], sample: 120 }
          - id: tune
            uses: trainer
            inputs: { dataset: data.dataset, base: model:pebble }
            with: { num_epochs: 3, batch_size: 8, micro_batch_size: 4, learning_rate: 2e-3, warmup_steps: 3, group_by_length: true, val_set_size: 16, eval_steps: 5, save_steps: 1 }
            retries: 1
        """;

    /// <summary>What an undisturbed run gives.</summary>
    private static readonly Lazy<Task<string>> s_undisturbed = new(async () =>
    {
        await using var workers = await Workers.StartAsync();
        workers.Start("Trainer");
        return Adapter(await workers.EndOfAsync(await workers.Runs.SubmitAsync(Pipeline)));
    });

    [Fact]
    public async Task Libtorch_is_in_the_process_of_the_attempt_alone_and_goes_with_it()
    {
        await using var workers = await Workers.StartAsync();
        var trainer = workers.Start("Trainer");
        var run = await workers.Runs.SubmitAsync(Pipeline);
        await workers.StepAsync(run, 1);

        Assert.True(Workers.HasTorch(Workers.AttemptOf(trainer)));
        await workers.EndOfAsync(run);

        Assert.False(Workers.HasTorch(trainer));
        Assert.Empty(Workers.AttemptsOf(trainer));
        var lines = await workers.Runs.LogsAsync(run, follow: false, Workers.Soon).ToListAsync(Workers.Soon);
        var started = lines.First(line => line.Stage == "tune" && line.Text.StartsWith("started", StringComparison.Ordinal)).At;
        var first = lines.First(line => line.Stage == "tune" && line.Text.Contains("rows to train on", StringComparison.Ordinal)).At;
        output.WriteLine($"from the taking of the order to the trainer's first word: {(first - started).TotalSeconds:0.00} s");
    }

    [Fact]
    public async Task A_fault_in_native_code_is_a_failed_attempt_that_names_its_signal_and_the_next_goes_on()
    {
        await using var workers = await Workers.StartAsync();
        var trainer = workers.Start("Trainer");
        var run = await workers.Runs.SubmitAsync(Pipeline);
        await workers.StepAsync(run, 4);

        // Twice: after the first the runtime gives the signal back to the system and waits for the fault to come again, as a real one does.
        var attempt = Workers.AttemptOf(trainer);
        Workers.Signal(attempt, "SEGV");
        Workers.Signal(attempt, "SEGV");
        var state = await workers.EndOfAsync(run);

        var failed = Assert.Single((await workers.EventsAsync(run)).OfType<StageFailed>());
        Assert.Equal(FailureCause.Transient, failed.Cause);
        Assert.Contains("SIGSEGV", failed.Error, StringComparison.Ordinal);
        Assert.Equal((RunStatus.Succeeded, 2), (state.Status, state.Stage("tune")!.Attempt));
        Assert.False(trainer.HasExited);
        Assert.Equal(await s_undisturbed.Value, Adapter(state));
    }

    [Fact]
    public async Task A_process_that_is_killed_is_followed_by_another_from_its_checkpoint_without_a_new_attempt()
    {
        await using var workers = await Workers.StartAsync();
        var trainer = workers.Start("Trainer");
        var run = await workers.Runs.SubmitAsync(Pipeline);
        await workers.StepAsync(run, 4);

        Workers.Signal(Workers.AttemptOf(trainer), "KILL");
        Assert.Contains("SIGKILL", (await workers.SaidAsync(run, "The process of this attempt")).Text, StringComparison.Ordinal);
        await workers.SaidAsync(run, "Resuming from the checkpoint");
        var state = await workers.EndOfAsync(run);

        Assert.Equal((RunStatus.Succeeded, 1), (state.Status, state.Stage("tune")!.Attempt));
        Assert.Equal(await s_undisturbed.Value, Adapter(state));
    }

    [Fact]
    public async Task A_worker_that_is_killed_takes_its_attempt_along_and_another_worker_goes_on_from_its_checkpoint()
    {
        await using var workers = await Workers.StartAsync();
        var trainer = workers.Start("Trainer");
        var run = await workers.Runs.SubmitAsync(Pipeline);
        await workers.StepAsync(run, 4);
        var attempt = Workers.AttemptOf(trainer);

        var clock = Stopwatch.StartNew();
        Workers.Signal(trainer, "KILL");
        await attempt.WaitForExitAsync(Workers.Soon);
        output.WriteLine($"the attempt ended {clock.ElapsedMilliseconds} ms after its worker");
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        workers.Start("Trainer");
        var state = await workers.EndOfAsync(run);

        Assert.Equal((RunStatus.Succeeded, 1), (state.Status, state.Stage("tune")!.Attempt));
        Assert.Equal(await s_undisturbed.Value, Adapter(state));
    }

    [Fact]
    public async Task A_cancel_keeps_the_steps_that_are_done_and_the_same_pipeline_goes_on_from_them()
    {
        await using var workers = await Workers.StartAsync();
        var trainer = workers.Start("Trainer");
        var run = await workers.Runs.SubmitAsync(Pipeline.Replace("save_steps: 1", "save_steps: 1000", StringComparison.Ordinal));
        await workers.StepAsync(run, 6);

        var clock = Stopwatch.StartNew();
        await workers.Runs.CancelAsync(run);
        var stopping = await workers.SaidAsync(run, "Stopping at step");
        output.WriteLine($"heard after {clock.ElapsedMilliseconds} ms");
        var state = await workers.EndOfAsync(run);
        output.WriteLine($"cancelled after {clock.ElapsedMilliseconds} ms");
        var stopped = await workers.SaidAsync(run, "Stopped at step");
        var again = await workers.Runs.SubmitAsync(Pipeline.Replace("save_steps: 1", "save_steps: 1000", StringComparison.Ordinal));
        var resumed = await workers.SaidAsync(again, "Resuming from the checkpoint of step");

        Assert.Equal(RunStatus.Cancelled, state.Status);
        Assert.Contains("saved", stopped.Text, StringComparison.Ordinal);
        Assert.Equal(Number(stopped), Number(resumed));
        Assert.InRange(Number(stopping), 6, 100);
        Assert.Equal(RunStatus.Succeeded, (await workers.EndOfAsync(again)).Status);
        Assert.False(trainer.HasExited);
    }

    private static int Number(RunLogLine line) =>
        int.Parse(line.Text.Split("step ")[1].Split([' ', ',', ':', '.'])[0], System.Globalization.CultureInfo.InvariantCulture);

    private static string Adapter(RunState state) => state.Stage("tune")!.Outputs["adapter"];
}
