using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Time.Testing;

namespace LoraAspire.RedisTests;

/// <summary>Workers that a cluster starts when there is work, as jobs.</summary>
public sealed class UntilIdleTests(RedisServer server)
{
    private static readonly TimeSpan s_time = TimeSpan.FromMilliseconds(200);

    [Fact]
    public async Task It_does_every_order_that_waits_and_ends_when_none_is_left_and_leaves_what_comes_later()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        var runs = new List<string>();
        foreach (var name in (string[])["One", "Two", "Three"])
        {
            runs.Add(await installation.Runs.SubmitAsync(Installation.OneStage(name)));
        }
        await installation.OrderedAsync(StageKinds.DataBuild, runs.Count);
        var ended = new TaskCompletionSource();

        var worker = await installation.StartWorkerAsync<DataBuildParams>(StageKinds.DataBuild, Installation.WriteDataset,
            new(s_time, ended.SetResult));
        await ended.Task.WaitAsync(Installation.Soon);

        foreach (var run in runs)
        {
            Assert.Equal(RunStatus.Succeeded, (await installation.EndOfAsync(run)).Status);
        }
        Assert.Equal(0, await installation.Redis.StreamLengthAsync(Keys.Work(StageKinds.DataBuild.Name)));

        await installation.Runs.SubmitAsync(Installation.OneStage("Four"));
        await installation.OrderedAsync(StageKinds.DataBuild, 1);
        await worker.StopAsync(Installation.Soon);
        // What a cluster counts to start the next: the length of the stream is what is left to do.
        Assert.Equal(1, await installation.Redis.StreamLengthAsync(Keys.Work(StageKinds.DataBuild.Name)));
    }

    [Fact]
    public async Task Time_in_which_no_order_could_be_taken_is_no_idleness()
    {
        var clock = new FakeTimeProvider();
        var day = TimeSpan.FromDays(1);
        await using var installation = new Installation(server)
        {
            Options = new() { Clock = clock, PollMax = TimeSpan.FromMilliseconds(20) },
        };
        var ended = new TaskCompletionSource();
        // What isn't a stream fails every look at it, as a Redis that is away does.
        var stream = Keys.Work(StageKinds.DataBuild.Name);
        await installation.Redis.StringSetAsync(stream, "no stream");
        await installation.StartWorkerAsync<DataBuildParams>(StageKinds.DataBuild, Installation.WriteDataset, new(day, ended.SetResult));
        await LooksAsync();
        clock.Advance(day);
        await LooksAsync();

        await installation.Redis.KeyDeleteAsync(stream);
        await LooksAsync();
        Assert.False(ended.Task.IsCompleted);

        clock.Advance(day);
        await ended.Task.WaitAsync(Installation.Soon);

        // Only the worker and this ask Redis.
        async Task LooksAsync()
        {
            var poll = new PollDelay(installation.Options);
            var enough = installation.Connection.OperationCount + 10;
            while (installation.Connection.OperationCount < enough && !ended.Task.IsCompleted)
            {
                await poll.WaitAsync(Installation.Soon);
            }
        }
    }

    [Theory]
    [InlineData("30s", 30)]
    [InlineData("5m", 300)]
    public void The_variable_is_a_number_with_its_unit(string text, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), UntilIdle.TimeOf(Variable(text)));

    [Fact]
    public void Without_the_variable_a_worker_waits_for_ever() => Assert.Null(UntilIdle.TimeOf(Variable("")));

    [Theory]
    [InlineData("30")]
    [InlineData("0s")]
    [InlineData("2d")]
    [InlineData("soon")]
    public void What_is_no_such_time_is_refused_in_words(string text) =>
        Assert.Contains($"from 1s to 1d, such as 30s or 5m. It is '{text}'",
            Assert.Throws<FormatException>(() => UntilIdle.TimeOf(Variable(text))).Message, StringComparison.Ordinal);

    private static IConfiguration Variable(string text) =>
        new ConfigurationBuilder().AddInMemoryCollection([new(UntilIdle.Variable, text)]).Build();
}
