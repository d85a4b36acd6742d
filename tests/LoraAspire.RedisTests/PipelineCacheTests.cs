using LoraAspire.Coordinator;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;

namespace LoraAspire.RedisTests;

/// <summary>A coordinator parses the pipeline of a run once, however many messages come.</summary>
public sealed class PipelineCacheTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly PipelineCache _pipelines = new(null);

    private static string Yaml => Installation.OneStage();
    private static SubmitRun Submit(string yaml) => new("r", At, "p.yaml", yaml);
    private static RunState Going(string yaml) => new("r", Version: 2) { File = "p.yaml", Yaml = yaml };

    [Fact]
    public void What_the_submission_was_parsed_to_serves_every_message_of_the_run_until_it_is_forgotten()
    {
        var submitted = _pipelines.Of(new("r"), Submit(Yaml));

        Assert.NotNull(submitted!.Pipeline);
        Assert.Same(submitted, _pipelines.Of(Going(Yaml), new AttemptStarted("r", At, "data", 1, "w")));
        Assert.Same(submitted, _pipelines.Of(Going(Yaml), new CancelRun("r", At)));

        _pipelines.Forget("r");
        var again = _pipelines.Of(Going(Yaml), new CancelRun("r", At));
        Assert.NotSame(submitted, again);
        Assert.Equal("test", again!.Pipeline!.Name);
    }

    [Fact]
    public void A_run_whose_log_holds_another_text_than_the_message_goes_by_its_log()
    {
        _pipelines.Of(new("r"), Submit(Yaml));

        Assert.Equal("other", _pipelines.Of(Going(Yaml.Replace("name: test", "name: other")), Submit(Yaml))!.Pipeline!.Name);
    }

    [Fact]
    public void What_is_wrong_is_not_kept_since_a_file_that_was_missing_may_be_there_by_now()
    {
        var there = false;
        var pipelines = new PipelineCache(new(_ => null, name => there ? null : $"no folder '{name}'"));
        Assert.Null(pipelines.Of(new("r"), Submit(Yaml))!.Pipeline);

        there = true;
        Assert.NotNull(pipelines.Of(new("r"), Submit(Yaml))!.Pipeline);
    }

    [Fact]
    public void A_run_that_is_over_or_unknown_has_none()
    {
        Assert.Null(_pipelines.Of(Going(Yaml) with { Status = RunStatus.Failed }, new CancelRun("r", At)));
        Assert.Null(_pipelines.Of(new("r"), new CancelRun("r", At)));
    }
}
