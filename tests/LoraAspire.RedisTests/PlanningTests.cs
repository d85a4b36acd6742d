using System.Diagnostics;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Streams;

namespace LoraAspire.RedisTests;

/// <summary>A model that takes long to hash: a file of many gigabytes that has no blocks on the disk.</summary>
public sealed class PlanningTests(RedisServer server, ITestOutputHelper output)
{
    private const long Huge = 60L << 30;

    [Fact]
    public async Task A_model_that_is_hashed_holds_up_neither_another_run_nor_its_own_cancel()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        AddModel(installation, "huge", Huge);
        var slow = await installation.Runs.SubmitAsync(Installation.OneStage().Replace("model:tiny", "model:huge"));
        await installation.FirstAsync<RunSubmitted>(slow);

        var clock = Stopwatch.StartNew();
        Assert.Equal(RunStatus.Succeeded,
            (await installation.EndOfAsync(await installation.Runs.SubmitAsync(Installation.OneStage()))).Status);
        output.WriteLine($"another run beside it: {clock.ElapsedMilliseconds} ms");
        clock.Restart();
        await installation.Runs.CancelAsync(slow);
        Assert.Equal(RunStatus.Cancelled, (await installation.EndOfAsync(slow)).Status);
        output.WriteLine($"its cancel: {clock.ElapsedMilliseconds} ms");
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task An_entry_is_kept_while_its_model_is_hashed_and_no_other_coordinator_takes_it()
    {
        // Short enough to be over several times while the model is hashed, long enough for a busy machine.
        await using var installation = new Installation(server)
        {
            Options = new()
            {
                Heartbeat = TimeSpan.FromMilliseconds(100),
                IdleLimit = TimeSpan.FromSeconds(2),
                PollMax = TimeSpan.FromMilliseconds(20)
            }
        };
        await installation.StartCoordinatorAsync();
        AddModel(installation, "large", 1L << 30);
        var run = await installation.Runs.SubmitAsync(Installation.OneStage().Replace("model:tiny", "model:large"));
        await installation.FirstAsync<RunSubmitted>(run);
        await installation.StartCoordinatorAsync();

        await installation.FirstAsync<StageQueued>(run);
        await installation.EmptyAsync(Keys.Inbox);

        var log = await installation.Redis.StreamRangeAsync(Keys.Run(run));
        Assert.Single(log, entry => Entries.Read<RunEvent>(entry) is StageQueued);
        Assert.Equal(1, await installation.Redis.StreamLengthAsync(Keys.Work("data-build")));
    }

    [Fact]
    public async Task A_coordinator_that_stops_while_it_hashes_gives_the_entry_to_the_next_at_once()
    {
        await using var installation = new Installation(server);
        var first = await installation.StartCoordinatorAsync();
        AddModel(installation, "huge", Huge);
        var run = await installation.Runs.SubmitAsync(Installation.OneStage().Replace("model:tiny", "model:huge"));
        await installation.FirstAsync<RunSubmitted>(run);

        await first.StopAsync(CancellationToken.None);
        File.Delete(Path.Combine(installation.Paths.Models, "huge", "weights.bin"));
        await installation.StartCoordinatorAsync();
        await installation.FirstAsync<StageQueued>(run);
        await installation.EmptyAsync(Keys.Inbox);

        Assert.Equal(1, await installation.Redis.StreamLengthAsync(Keys.Work("data-build")));
    }

    private static void AddModel(Installation installation, string name, long size)
    {
        var folder = Directory.CreateDirectory(Path.Combine(installation.Paths.Models, name));
        File.WriteAllText(Path.Combine(folder.FullName, "config.json"), "{}");
        using var file = File.Create(Path.Combine(folder.FullName, "weights.bin"));
        file.SetLength(size);
    }
}
