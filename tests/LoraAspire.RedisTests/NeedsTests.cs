using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Streams;

namespace LoraAspire.RedisTests;

/// <summary>Stages that need a GPU of some size, among workers of which some have one. The cards are names that are handed in.</summary>
public sealed class NeedsTests(RedisServer server)
{
    private const string Needs40 = "needs: { gpu_memory: 40GiB }";

    private static readonly WorkerGpus s_small = new([new(0, "GPU-small", "card", 25_757_220_864)]);
    private static readonly WorkerGpus s_large = new([new(0, "GPU-large", "card", 85_520_809_984)]);

    [Fact]
    public async Task A_stage_is_done_by_a_worker_that_has_what_it_needs_and_by_no_other()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var by = new TaskCompletionSource<string>();
        await StartAsync(installation, null, "none", by);
        await StartAsync(installation, s_small, "small", by);
        var run = await installation.Runs.SubmitAsync(Installation.OneStage(policy: Needs40));
        await installation.FirstAsync<StageQueued>(run);
        // What needs nothing is done meanwhile, by whoever is free.
        await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage("Other")));
        Assert.Equal(StageStatus.Queued, (await installation.Runs.GetAsync(run))!.Stages[0].Status);
        Assert.Equal(1, await installation.Redis.StreamLengthAsync("lora:work:data-build:gpu-40GiB"));

        var large = new TaskCompletionSource<string>();
        await StartAsync(installation, s_large, "large", large);
        var state = await installation.EndOfAsync(run);

        Assert.Equal((RunStatus.Succeeded, "large"), (state.Status, await large.Task));
        Assert.Equal(40, state.Stages[0].OfWorker!.GpuMemory);
        Assert.True((await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage()))).Stages[0].Cached);
    }

    [Fact]
    public async Task A_worker_that_waits_already_learns_of_a_class_that_is_new()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await StartAsync(installation, s_large, "large", new());
        await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage("First")));
        Assert.Empty(await WorkClass.AllAsync(installation.Redis));

        var run = await installation.Runs.SubmitAsync(Installation.OneStage(policy: Needs40));

        Assert.Equal(RunStatus.Succeeded, (await installation.EndOfAsync(run)).Status);
    }

    [Fact]
    public async Task What_a_dead_worker_held_of_a_class_is_done_by_another_that_has_what_it_needs()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var run = await installation.Runs.SubmitAsync(Installation.OneStage(policy: Needs40));
        var (dead, poll) = (new WorkStreams(installation.Redis, StageKinds.DataBuild, 80, installation.Options),
            new PollDelay(installation.Options));
        while (await dead.TryReadAsync() is null)
        {
            await poll.WaitAsync(Installation.Soon);
        }

        await StartAsync(installation, s_small, "small", new());
        var large = new TaskCompletionSource<string>();
        await StartAsync(installation, s_large, "large", large);

        Assert.Equal(RunStatus.Succeeded, (await installation.EndOfAsync(run)).Status);
        Assert.Equal("large", await large.Task);
    }

    [Fact]
    public async Task No_stream_keeps_another_waiting_not_even_one_that_cannot_be_read()
    {
        await using var installation = new Installation(server);
        await installation.Redis.SetAddAsync(Keys.Classes, ["data-build:gpu-8GiB", "data-build:gpu-9GiB", "nonsense", "trainer:gpu-9GiB"]);
        await installation.Redis.StringSetAsync("lora:work:data-build:gpu-8GiB", "no stream");
        foreach (var name in (string[])["data-build", "data-build", "data-build:gpu-9GiB", "data-build:gpu-9GiB"])
        {
            await installation.Redis.StreamAddAsync(Keys.Work(name), "from", name);
        }
        var streams = new WorkStreams(installation.Redis, StageKinds.DataBuild, 80, installation.Options);
        List<string> read = [];
        for (var look = 0; read.Count < 4; look++)
        {
            Assert.True(look < 100, "an order is never read");
            try
            {
                if (await streams.TryReadAsync() is var (_, delivery))
                {
                    read.Add(delivery.Entry["from"].ToString());
                }
            }
            catch (StackExchange.Redis.RedisServerException)
            {
                // As the worker's loop does: it tries again.
            }
        }

        Assert.Equal(2, read.Take(3).Distinct().Count());
    }

    [Fact]
    public async Task A_class_of_which_nothing_is_left_is_forgotten_and_one_with_an_order_is_not()
    {
        await using var installation = new Installation(server);
        WorkClass empty = new("trainer", 24), full = new("trainer", 40);
        await installation.Redis.SetAddAsync(Keys.Classes, [empty.Name, full.Name]);
        await installation.Redis.StreamAddAsync(full.Stream, "a", "b");
        await installation.StartPulseAsync();

        var poll = new PollDelay(installation.Options);
        while ((await WorkClass.AllAsync(installation.Redis)).Count > 1)
        {
            await poll.WaitAsync(Installation.Soon);
        }

        Assert.Equal([full], await WorkClass.AllAsync(installation.Redis));
        Assert.Equal(1, await installation.Redis.StreamLengthAsync(full.Stream));
    }

    [Fact]
    public async Task A_class_that_is_forgotten_stays_so_while_a_worker_still_looks_for_its_orders_and_comes_back_with_an_order()
    {
        await using var installation = new Installation(server);
        WorkClass large = new("data-build", 40);
        WorkStreams streams = new(installation.Redis, StageKinds.DataBuild, 80,
            installation.Options with { LearnClasses = TimeSpan.FromHours(1), IdleLimit = TimeSpan.FromHours(1) });
        await OrderAsync();
        var (group, delivery) = (await streams.TryReadAsync())!.Value;
        await installation.Redis.StreamAcknowledgeAsync(large.Stream, group.Group, delivery.Entry.Id);
        await installation.Redis.StreamDeleteAsync(large.Stream, [delivery.Entry.Id]);
        await large.ForgetAsync(installation.Redis);

        Assert.Null(await streams.TryReadAsync());
        Assert.Null(await streams.TryReadAsync());
        Assert.False(await installation.Redis.KeyExistsAsync(large.Stream));

        await OrderAsync();
        Assert.Null(await streams.TryReadAsync()); // finds that its group is gone
        Assert.NotNull(await streams.TryReadAsync());

        async Task OrderAsync()
        {
            await installation.Redis.SetAddAsync(Keys.Classes, large.Name);
            await installation.Redis.StreamAddAsync(large.Stream, "a", "b");
        }
    }

    [Fact]
    public async Task Workers_say_what_they_are_for_as_long_as_they_live_and_a_stage_that_none_can_do_says_so()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var run = await installation.Runs.SubmitAsync(Installation.OneStage(policy: Needs40));
        await installation.FirstAsync<StageQueued>(run);
        Assert.Equal("waits for a data-build with 40 GiB of GPU memory: none is running", await WordsAsync());

        var worker = await installation.StartWorkerAsync<DataBuildParams>(
            StageKinds.DataBuild, Installation.WriteDataset, machine: s_small);
        await LivingAsync(1);
        Assert.Equal("waits for a data-build with 40 GiB of GPU memory; the largest here has 24", await WordsAsync());
        var living = Assert.Single(await installation.Runs.WorkersAsync());
        Assert.Equal((StageKinds.DataBuild.Name, Environment.MachineName, Environment.ProcessId, 24, "GPU-small"),
            (living.Kind, living.Host, living.Process, living.GpuMemory, living.Gpus[0].Id));
        Assert.StartsWith(DeadReadersPrefix, living.Name, StringComparison.Ordinal);

        await worker.StopAsync(Installation.Soon);
        Assert.Empty(await installation.Runs.WorkersAsync());
        // One that was killed says nothing any more.
        await living.TellAsync(installation.Redis, installation.Options);
        await installation.Redis.SortedSetAddAsync(Keys.Workers, "hostile", double.MaxValue);
        await LivingAsync(1);
        await LivingAsync(0);

        async Task<string?> WordsAsync() =>
            (await installation.Runs.WaitsAsync((await installation.Runs.GetAsync(run))!)).GetValueOrDefault("data")?.ToString();

        async Task LivingAsync(int count)
        {
            var poll = new PollDelay(installation.Options);
            while ((await installation.Runs.WorkersAsync()).Count != count)
            {
                await poll.WaitAsync(Installation.Soon);
            }
        }
    }

    private static string DeadReadersPrefix => $"{Environment.MachineName}-{Environment.ProcessId}-";

    private static Task StartAsync(Installation installation, WorkerGpus? machine, string name, TaskCompletionSource<string> by) =>
        installation.StartWorkerAsync<DataBuildParams>(StageKinds.DataBuild, (context, stop) =>
        {
            by.TrySetResult(name);
            return Installation.WriteDataset(context, stop);
        }, machine: machine);
}
