using System.Diagnostics;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.RedisTests;

/// <summary>Workers that die or fall behind: here they are readers that take an order and never renew it.</summary>
public sealed class LeaseTests(RedisServer server)
{
    [Fact]
    public async Task The_order_of_a_dead_worker_is_done_by_another()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var (run, _, _) = await TakeAndDieAsync(installation);

        await installation.StartDataBuildAsync(Installation.WriteDataset);
        var state = await installation.EndOfAsync(run);

        Assert.Equal((RunStatus.Succeeded, 1), (state.Status, state.Stages[0].Attempt));
    }

    [Fact]
    public async Task What_a_reader_held_whose_process_is_gone_is_read_at_once_and_counts_as_delivered_again()
    {
        await using var installation = new Installation(server);
        using var process = Process.Start("true");
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        var (stream, gone, alive) = ("lora:work:restarts", $"{Environment.MachineName}-{process.Id}-abc123",
            $"{Environment.MachineName}-{Environment.ProcessId}-abc123");
        await installation.Redis.StreamCreateConsumerGroupAsync(stream, Keys.WorkerGroup, "0", createStream: true);
        var left = await installation.Redis.StreamAddAsync(stream, "a", "left");
        await installation.Redis.StreamReadGroupAsync(stream, Keys.WorkerGroup, gone, StreamPosition.NewMessages);
        await installation.Redis.StreamAddAsync(stream, "a", "held");
        await installation.Redis.StreamReadGroupAsync(stream, Keys.WorkerGroup, alive, StreamPosition.NewMessages);

        var group = new ConsumerGroup(installation.Redis, stream, Keys.WorkerGroup, new StreamSettings());

        Assert.Equal((left, 2), await group.TryReadAsync() is { } delivery ? (delivery.Entry.Id, delivery.Count) : default);
        Assert.Null(await group.TryReadAsync());
        Assert.DoesNotContain(gone,
            (await installation.Redis.StreamConsumerInfoAsync(stream, Keys.WorkerGroup)).Select(reader => reader.Name));
    }

    [Fact]
    public async Task A_worker_that_lost_its_order_can_neither_renew_nor_finish_it()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var (run, dead, _) = await TakeAndDieAsync(installation);
        var holding = new TaskCompletionSource();
        await installation.StartDataBuildAsync(async (context, stop) =>
        {
            await holding.Task.WaitAsync(stop);
            await Installation.WriteDataset(context, stop);
        });
        await installation.FirstAsync<StageStarted>(run);

        Assert.Equal(LeaseState.Lost, await dead.RenewAsync());
        Assert.Equal(LeaseState.Lost, await dead.FinishAsync(
            new AttemptFinished(run, DateTimeOffset.UtcNow, "data", 1, new Dictionary<string, string> { ["dataset"] = "forged" })));
        Assert.Equal(LeaseState.Lost, await dead.ReleaseAsync());
        Assert.Single(await installation.Redis.StreamPendingMessagesAsync(Keys.Work("data-build"), Keys.WorkerGroup, 10, RedisValue.Null));

        holding.SetResult();
        var state = await installation.EndOfAsync(run);
        Assert.NotEqual("forged", state.Stages[0].Outputs["dataset"]);
    }

    [Fact]
    public async Task A_heartbeat_keeps_an_order_without_counting_as_a_delivery()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var (_, lease, delivery) = await TakeAndDieAsync(installation);

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(LeaseState.Held, await lease.RenewAsync());
        }

        var pending = await installation.Redis.StreamPendingMessagesAsync(Keys.Work("data-build"), Keys.WorkerGroup, 1, RedisValue.Null,
            delivery.Entry.Id, delivery.Entry.Id);
        Assert.Equal(1, pending[0].DeliveryCount);
    }

    [Fact]
    public async Task An_order_that_kills_its_workers_goes_to_the_dead_letters_and_fails_its_stage()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var (run, _, _) = await TakeAndDieAsync(installation);
        for (var times = 2; times <= installation.Options.MaxDeliveries; times++)
        {
            Assert.Equal(times, (await ReadAsync(installation)).Delivery.Count);
        }

        await installation.StartDataBuildAsync(Installation.WriteDataset);
        var state = await installation.EndOfAsync(run);

        Assert.Equal(RunStatus.Failed, state.Status);
        Assert.Contains("delivered 4 times", state.Stages[0].Error);
        Assert.Equal(run, (await installation.Redis.StreamRangeAsync(Keys.Dead))[0]["run"]);
        Assert.Equal(0, await installation.Redis.StreamLengthAsync(Keys.Work("data-build")));
    }

    [Fact]
    public async Task An_order_that_cannot_be_read_fails_the_stage_that_it_names()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var (run, lease, _) = await TakeAndDieAsync(installation);
        await installation.Redis.StreamAddAsync(Keys.Work("data-build"),
            [new("v", "1"), new("type", "stage.run"), new("run", run), new("stage", "data"), new("attempt", "1"), new("body", "[]")]);
        await using var keeper = new Keeper(lease);

        await installation.StartDataBuildAsync(Installation.WriteDataset);

        Assert.Equal(RunStatus.Failed, (await installation.EndOfAsync(run)).Status);
    }

    [Fact]
    public async Task A_worker_that_stops_gives_its_order_back_at_once()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var stopped = await installation.StartDataBuildAsync((_, stop) => Task.Delay(Timeout.Infinite, stop));
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        await installation.FirstAsync<StageStarted>(run);
        await stopped.StopAsync(CancellationToken.None);

        await installation.StartDataBuildAsync(Installation.WriteDataset);

        Assert.Equal(RunStatus.Succeeded, (await installation.EndOfAsync(run)).Status);
    }

    [Fact]
    public async Task An_order_given_back_any_number_of_times_is_no_order_that_kills_its_workers()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var (run, lease, delivery) = await TakeAndDieAsync(installation);
        for (var times = 0; times < 3 * installation.Options.MaxDeliveries; times++)
        {
            Assert.Equal(LeaseState.Held, await lease.ReleaseAsync());
            (lease, delivery) = await ReadAsync(installation, run);
        }
        await lease.ReleaseAsync();

        Assert.Equal(1, delivery.Count);
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        Assert.Equal(RunStatus.Succeeded, (await installation.EndOfAsync(run)).Status);
    }

    [Fact]
    public async Task The_order_of_a_dead_worker_is_found_behind_any_number_of_orders_that_others_hold()
    {
        await using var installation =
            new Installation(server) { Options = new() { IdleLimit = TimeSpan.FromSeconds(1), PollMax = TimeSpan.FromMilliseconds(20) } };
        var (stream, group) = (Keys.Work("data-build"),
            new ConsumerGroup(installation.Redis, Keys.Work("data-build"), Keys.WorkerGroup, installation.Options));
        Assert.Null(await group.TryReadAsync());
        List<Lease> held = [];
        for (var i = 0; i < 35; i++)
        {
            await installation.Redis.StreamAddAsync(stream, "order", i);
            held.Add(new Lease(installation.Redis, group, (await group.TryReadAsync())!.Entry.Id, ""));
        }
        var dead = await installation.Redis.StreamAddAsync(stream, "order", "of a dead worker");
        await using var keeper = new Keeper([.. held]);
        Assert.Equal(dead, (await group.TryReadAsync())!.Entry.Id);

        var other = new ConsumerGroup(installation.Redis, stream, Keys.WorkerGroup, installation.Options);
        var poll = new PollDelay(installation.Options);
        Delivery? found;
        while ((found = await other.TryReadAsync()) is null)
        {
            await poll.WaitAsync(Installation.Soon);
        }

        Assert.Equal((dead, 2), (found.Entry.Id, found.Count));
    }

    [Fact]
    public async Task Scratch_of_dead_attempts_is_removed_by_the_next()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var (run, _, _) = await TakeAndDieAsync(installation);
        var left = Directory.CreateDirectory(Path.Combine(installation.Store.StageScratch(run, "data"), "1-dead")).FullName;
        var seen = true;
        await installation.StartDataBuildAsync((context, stop) =>
        {
            seen = Directory.Exists(left);
            return Installation.WriteDataset(context, stop);
        });

        await installation.EndOfAsync(run);

        Assert.False(seen);
    }

    private static async Task<(string Run, Lease Lease, Delivery Delivery)> TakeAndDieAsync(Installation installation)
    {
        var run = await installation.Runs.SubmitAsync(Installation.OneStage());
        var (lease, delivery) = await ReadAsync(installation, run);
        return (run, lease, delivery);
    }

    private static async Task<(Lease Lease, Delivery Delivery)> ReadAsync(Installation installation, string run = "")
    {
        var group = new ConsumerGroup(installation.Redis, Keys.Work("data-build"), Keys.WorkerGroup, installation.Options);
        var poll = new PollDelay(installation.Options);
        while (true)
        {
            if (await group.TryReadAsync() is { } delivery)
            {
                return (new Lease(installation.Redis, group, delivery.Entry.Id, run), delivery);
            }
            await poll.WaitAsync(Installation.Soon);
        }
    }

    /// <summary>Holds leases while a test runs, so that their orders are nobody else's.</summary>
    private sealed class Keeper : IAsyncDisposable
    {
        private readonly CancellationTokenSource _over = new();
        private readonly Task _loop;

        public Keeper(params Lease[] leases) => _loop = KeepAsync(leases);

        public async ValueTask DisposeAsync()
        {
            await _over.CancelAsync();
            await _loop;
        }

        private async Task KeepAsync(Lease[] leases)
        {
            while (!_over.IsCancellationRequested)
            {
                await Task.WhenAll(leases.Select(lease => lease.RenewAsync()));
                await Task.Delay(50, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
