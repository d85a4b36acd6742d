using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Logging.Abstractions;

namespace LoraAspire.RedisTests;

/// <summary>Workers that share GPUs. The cards are names that are handed in: nothing here computes on one.</summary>
public sealed class GpuLeaseTests(RedisServer server)
{
    private static readonly WorkerGpus s_two = new([new(0, "GPU-a", "card"), new(1, "GPU-b", "card")]);

    [Theory]
    [InlineData("run tune 1 w-1", "run tune w-1")]
    [InlineData("run tune 1 ", "run tune ")]
    [InlineData("run tune x w", null)]
    [InlineData("../run tune 1 w", null)]
    [InlineData("run <b> 1 w", null)]
    [InlineData("", null)]
    public async Task Who_has_a_GPU_is_told_where_it_names_a_run_and_a_stage(string text, string? holder)
    {
        await using var installation = new Installation(server);
        await installation.Redis.StringSetAsync(Keys.Device("GPU-a"), text);
        await installation.Redis.HashSetAsync(Keys.Device("GPU-b"), "no", "text");

        var told = await installation.Runs.HoldersAsync(["GPU-a", "GPU-b", "GPU-c"]);

        Assert.Equal(holder, told.TryGetValue("GPU-a", out var one) ? $"{one.Run} {one.Stage} {one.Worker}" : null);
        Assert.DoesNotContain("GPU-b", told.Keys);
    }

    [Fact]
    public async Task Two_trainings_of_a_machine_with_two_GPUs_get_one_each()
    {
        await using var installation = new Installation(server);
        var claims = Claims(installation, DeviceChoice.One);

        await using var first = await claims.TakeAsync(Order("one"), "w1", new Heard(), Installation.Soon);
        await using var second = await claims.TakeAsync(Order("two"), "w2", new Heard(), Installation.Soon);

        Assert.Equal(("GPU-a", "GPU-b"), (first!.Visible, second!.Visible));
    }

    [Theory]
    [InlineData("1", "waits for a GPU of")]
    [InlineData("2", "waits for 2 GPUs of")]
    [InlineData("auto", "waits for 2 GPUs of")]
    [InlineData("[1]", "waits for a GPU of")]
    public async Task A_training_waits_in_words_for_what_others_have_and_goes_on_when_it_is_free(string devices, string words)
    {
        await using var installation = new Installation(server);
        var all = await Claims(installation, DeviceChoice.Of("2")!).TakeAsync(Order("first"), "w1", new Heard(), Installation.Soon);
        var heard = new Heard();

        var waiting = Claims(installation, DeviceChoice.Of(devices)!).TakeAsync(Order("second"), "w2", heard, Installation.Soon);
        var said = await heard.First.Task.WaitAsync(Installation.Soon);
        Assert.StartsWith(words, said, StringComparison.Ordinal);
        Assert.Contains("GPU 1 is taken by stage tune of run first (w1)", said, StringComparison.Ordinal);
        Assert.False(waiting.IsCompleted);
        await all!.DisposeAsync();

        await using var held = await waiting;
        Assert.Equal(devices switch { "1" => "GPU-a", _ => "GPU-a,GPU-b" }, held!.Visible);
        Assert.StartsWith("takes GPU ", heard.Said[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_wants_two_takes_none_while_one_is_taken()
    {
        await using var installation = new Installation(server);
        await using var one = await Claims(installation, DeviceChoice.One).TakeAsync(Order("first"), "w1", new Heard(), Installation.Soon);
        var heard = new Heard();
        using var cancel = new CancellationTokenSource();
        var waiting = Claims(installation, DeviceChoice.Of("auto")!).TakeAsync(Order("second"), "w2", heard, cancel.Token);
        await heard.First.Task.WaitAsync(Installation.Soon);

        await using var other = await Claims(installation, DeviceChoice.One).TakeAsync(
            Order("third"), "w3", new Heard(), Installation.Soon);

        Assert.Equal("GPU-b", other!.Visible);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task What_a_killed_worker_had_is_free_when_its_lease_is_out_and_at_once_for_who_goes_on_with_its_order()
    {
        await using var installation = new Installation(server);
        // Taken, and never renewed: as by a worker that was killed.
        await DieAsync("dead");

        var next = await Claims(installation, DeviceChoice.One).TakeAsync(Order("dead"), "w2", new Heard(), Installation.Soon);
        Assert.Equal("GPU-a", next!.Visible);
        await next.DisposeAsync();
        await DieAsync("dead");
        var heard = new Heard();
        await using var other = await Claims(installation, DeviceChoice.Of("auto")!).TakeAsync(
            Order("other"), "w3", heard, Installation.Soon);

        Assert.Equal("GPU-a,GPU-b", other!.Visible);
        Assert.NotEmpty(heard.Said);

        async Task DieAsync(string run) => Assert.NotNull((await GpuLease.TryTakeAsync(installation.Redis, installation.Options,
            GpuHolder.Of(Order(run), "w1"), ["GPU-a"], 1)).Lease);
    }

    [Fact]
    public async Task Work_ends_when_another_has_taken_its_GPU_and_leaves_that_one_its_own()
    {
        await using var installation = new Installation(server);
        var held = await Claims(installation, DeviceChoice.One).TakeAsync(Order("slow"), "w1", new Heard(), Installation.Soon);
        var other = GpuHolder.Of(Order("other"), "w2").Text;
        await installation.Redis.StringSetAsync(Keys.Device("GPU-a"), other);

        await Assert.ThrowsAsync<GpuLostException>(() => held!.WhileHeldAsync(async stop =>
        {
            await Task.Delay(Timeout.Infinite, stop);
            return 0;
        }));
        await held!.DisposeAsync();

        Assert.Equal(other, await installation.Redis.StringGetAsync(Keys.Device("GPU-a")));
    }

    /// <summary>As after each time that Redis was away for longer than the lease, and another waited for the GPU.</summary>
    [Fact]
    public async Task An_order_whose_GPU_another_took_is_taken_up_again_however_often_that_happens()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var (times, most) = (0, installation.Options.MaxDeliveries + 1);
        async Task Work(StageContext<DataBuildParams> context, CancellationToken stop)
        {
            if (times++ < most)
            {
                await installation.Redis.StringSetAsync(Keys.Device("GPU-a"), GpuHolder.Of(Order("other"), "w2").Text,
                    installation.Options.Heartbeat * 5);
                await Task.Delay(Timeout.Infinite, stop);
            }
            await Installation.WriteDataset(context, stop);
        }
        await installation.StartWorkerAsync<DataBuildParams>(StageKinds.DataBuild, Work,
            gpus: Claims(installation, DeviceChoice.One, new WorkerGpus([new(0, "GPU-a", "card")])));

        var run = await installation.Runs.SubmitAsync(Installation.OneStage());

        var state = await installation.EndOfAsync(run);
        Assert.Equal((RunStatus.Succeeded, most + 1), (state.Status, times));
        var (_, progress, _) = await installation.Runs.FollowProgressAsync(run, Installation.Soon)
            .FirstAsync(point => point.Progress.Message is not null, Installation.Soon);
        Assert.Equal("This worker wasn't heard of for so long that another has taken its GPU: its process was asked to end. It is taken up "
            + "again from its last checkpoint.", progress.Message);
    }

    [Fact]
    public async Task A_lease_that_Redis_forgot_is_taken_again_by_who_computes()
    {
        await using var installation = new Installation(server);
        await using var held = await Claims(installation, DeviceChoice.One).TakeAsync(Order("run"), "w1", new Heard(), Installation.Soon);

        await installation.Redis.KeyDeleteAsync(Keys.Device("GPU-a"));
        var poll = new PollDelay(installation.Options);
        while (!await installation.Redis.KeyExistsAsync(Keys.Device("GPU-a")))
        {
            await poll.WaitAsync(Installation.Soon);
        }

        Assert.Equal("run tune 1 w1", await installation.Redis.StringGetAsync(Keys.Device("GPU-a")));
    }

    [Fact]
    public async Task Two_workers_train_one_after_the_other_on_the_only_GPU_and_a_cancel_ends_the_waiting()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var (going, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        Task Work(StageContext<DataBuildParams> context, CancellationToken stop)
        {
            going.SetResult();
            return go.Task.WaitAsync(stop).ContinueWith(_ => Installation.WriteDataset(context, stop), stop).Unwrap();
        }
        var one = new WorkerGpus([new(0, "GPU-a", "card")]);
        await installation.StartWorkerAsync<DataBuildParams>(StageKinds.DataBuild, Work, gpus: Claims(installation, DeviceChoice.One, one));
        var first = await installation.Runs.SubmitAsync(Installation.OneStage("One"));
        await going.Task.WaitAsync(Installation.Soon);

        await installation.StartWorkerAsync<DataBuildParams>(StageKinds.DataBuild, Work, gpus: Claims(installation, DeviceChoice.One, one));
        var second = await installation.Runs.SubmitAsync(Installation.OneStage("Two", "timeout: 0.05s"));
        var (_, progress, _) = await installation.Runs.FollowProgressAsync(second, Installation.Soon)
            .FirstAsync(point => point.Progress.Message is not null, Installation.Soon);
        Assert.Contains($"stage data of run {first}", progress.Message, StringComparison.Ordinal);
        await installation.Runs.CancelAsync(second);

        Assert.Equal(RunStatus.Cancelled, (await installation.EndOfAsync(second)).Status);
        go.SetResult();
        Assert.Equal(RunStatus.Succeeded, (await installation.EndOfAsync(first)).Status);
        Assert.False(await installation.Redis.KeyExistsAsync(Keys.Device("GPU-a")));
    }

    private static GpuClaims Claims(Installation installation, DeviceChoice devices, WorkerGpus? gpus = null) =>
        new(gpus ?? s_two, _ => devices, installation.Connection, installation.Options, NullLogger<GpuClaims>.Instance);

    private static StageOrder Order(string run) => new(run, DateTimeOffset.UnixEpoch, "tune", 1)
    {
        Pipeline = "p",
        Kind = "trainer",
        Key = "",
        With = JsonSerializer.SerializeToElement(new { }),
        Inputs = new Dictionary<string, InputArtifact>(),
        DataFiles = new Dictionary<string, string>(),
    };

    private sealed class Heard : IProgress<StageProgress>
    {
        public List<string> Said { get; } = [];

        public TaskCompletionSource<string> First { get; } = new();

        public void Report(StageProgress value)
        {
            Said.Add(value.Message!);
            First.TrySetResult(value.Message!);
        }
    }
}
