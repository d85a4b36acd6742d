using LoraAspire.Lab.RunPages;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Tests.Lab;

/// <summary>What the page of a run keeps of a stage's progress.</summary>
public sealed class TrainingHistoryTests
{
    private readonly TrainingHistory _history = new();

    [Fact]
    public void Each_step_is_a_point_of_its_curve_and_a_message_is_none()
    {
        _history.Add(new StageProgress(Message: "begins"));
        Assert.Null(_history.Latest);

        Step(1, 3.0);
        Step(2, 2.0, evalLoss: 2.5);

        Assert.Equal([(1, 3.0), (2, 2.0)], _history.Rows.Select(row => (row.Step, row.Loss!.Value)));
        Assert.Equal((2, 2.5), (_history.Rows[^1].Step, _history.Rows[^1].EvalLoss));
        Assert.All(_history.Rows, row => Assert.Equal(1e-4, row.LearningRate));
        Assert.Equal(2, _history.Latest!.Done);
    }

    [Fact]
    public void A_training_that_is_over_has_the_same_curves_and_the_last_message_is_kept()
    {
        var history = TrainingHistory.Of([new(1, 0.5, 3, 3, 1e-4, 1, 10, null), new(2, 1, 2, 2.5, 1e-4, 1, 20, 2.25)], []);
        history.Add(new StageProgress(Message: "Stopped at step 2, saved."));

        Assert.Equal([(1, 3.0), (2, 2.0)], history.Rows.Select(row => (row.Step, row.Loss!.Value)));
        Assert.Equal((2, 2.25), (history.Rows[^1].Step, history.Rows[^1].EvalLoss));
        Assert.Equal((2, 2, 20, "Stopped at step 2, saved."),
            (history.Latest!.Done, history.Latest.Total, history.Latest.Training!.Tokens!.Value, history.LatestMessage));
    }

    [Fact]
    public void What_a_gpu_cannot_tell_as_a_number_is_left_out()
    {
        _history.Add(new StageProgress("step", 1, 2)
        {
            Training = new(3.0),
            Gpu = new(0, "one") { PowerWatts = double.PositiveInfinity, PowerLimitWatts = double.NaN, Utilization = 7 },
        });

        var gpu = Assert.Single(_history.Rows[0].Gpus);
        Assert.Equal((null, null, 7), (gpu.PowerWatts, gpu.PowerLimitWatts, gpu.Utilization));
    }

    [Fact]
    public void An_attempt_that_goes_on_from_a_checkpoint_takes_the_place_of_the_steps_that_it_does_again()
    {
        Step(1, 3.0);
        Step(2, 2.0, evalLoss: 2.5);
        Step(3, 1.0, evalLoss: 1.5);

        Step(2, 2.25);

        Assert.Equal([(1, 3.0), (2, 2.25)], _history.Rows.Select(row => (row.Step, row.Loss!.Value)));
        Assert.Equal((2, 2.5), (_history.Rows[^1].Step, _history.Rows[^1].EvalLoss));
    }

    [Fact]
    public void The_speed_stays_while_a_phase_tells_none_and_what_is_no_number_is_no_point()
    {
        Step(1, 3.0);
        _history.Add(new StageProgress("eval", 1, 2));
        Step(2, double.NaN);

        Assert.Equal((100, 1), (_history.TokensPerSecond, _history.Rows.Count));
    }

    [Fact]
    public void Only_the_rows_that_are_new_or_changed_have_a_higher_number_and_they_are_the_last()
    {
        Step(1, 3.0);
        Step(2, 2.0);
        Step(3, 1.0);
        var (first, before) = (_history.Rows[0].Change, _history.Rows[^1].Change);

        Step(2, 2.5);
        Step(3, 1.5);

        Assert.Equal(first, _history.Rows[0].Change);
        Assert.All(_history.Rows.Skip(1), row => Assert.True(row.Change > before));
        Assert.Equal([1, 2, 3], _history.Rows.Select(row => row.Step));
    }

    [Fact]
    public void A_validation_that_comes_after_its_step_stands_in_the_row_of_the_step()
    {
        Step(1, 3.0);
        Step(2, 2.0);

        _history.Add(new StageProgress("eval", 1, 9) { Training = new(EvalLoss: 2.75) });

        Assert.Equal([(1, 3.0, 2.75), (2, 2.0, null)], _history.Rows.Select(row => (row.Step, row.Loss!.Value, row.EvalLoss)));
    }

    [Fact]
    public void What_a_stage_says_stands_until_it_counts_again()
    {
        Step(1, 3.0);
        _history.Add(new StageProgress(Message: "writing a checkpoint"));
        Assert.Equal("writing a checkpoint", _history.Words);

        Step(2, 2.0);

        Assert.StartsWith("step 2/9", _history.Words);
    }

    private void Step(long step, double loss, double? evalLoss = null) => _history.Add(
        new StageProgress("step", step, 9, TokensPerSecond: 100) { Training = new(loss, evalLoss, LearningRate: 1e-4) });
}
