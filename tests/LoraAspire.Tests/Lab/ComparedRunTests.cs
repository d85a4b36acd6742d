using System.Globalization;
using LoraAspire.Lab.ComparePages;
using LoraAspire.Lab.ResultPages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Tests.Lab;

/// <summary>What is drawn and shown of runs side by side.</summary>
public sealed class ComparedRunTests
{
    private static readonly DateTimeOffset s_noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly ComparedRun _run = new(new RunState("run", 1)
    {
        Stages =
        [
            new("data", "data-build", new Dictionary<string, string>()), new("tune", "trainer", new Dictionary<string, string>()),
        ],
    });

    [Fact]
    public void Steps_that_are_kept_stand_over_steps_and_tokens_and_only_what_was_told_has_times()
    {
        _run.Keep([new(1, 0.5, 3, 3, 1e-4, 1, 10, null), new(2, 1, 2, 2.5, 1e-4, 1, 25, 2.25)]);
        Assert.Equal([(1d, 3d), (2, 2)], Over(CurveAxis.Steps));
        Assert.Equal([(10d, 3d), (25, 2)], Over(CurveAxis.Tokens));
        Assert.Equal((true, false), (_run.Knows(CurveAxis.Tokens), _run.Knows(CurveAxis.Time)));

        Tell(1, 5, loss: 3, tokens: 10);
        Tell(2, 35, loss: 2, tokens: 25);
        Assert.Equal([(0d, 3d), (30, 2)], Over(CurveAxis.Time));
        Assert.Equal([(1d, 3d), (2, 2)], Over(CurveAxis.Steps));
    }

    [Fact]
    public void An_attempt_that_goes_on_from_a_checkpoint_takes_the_place_of_the_steps_that_it_does_again()
    {
        Tell(1, 0, loss: 3);
        Tell(2, 10, loss: 2);
        Tell(2, 12, validation: 2.5);
        Tell(3, 20, loss: 1);
        Tell(2, 60, loss: 2.25);
        Tell(2, 61, validation: double.NaN);

        Assert.Equal([(0d, 3d), (60, 2.25)], Over(CurveAxis.Time));
        Assert.Null(_run.Points(CurveAxis.Time)[^1].Validation);
    }

    [Fact]
    public void The_stage_that_is_drawn_is_the_one_that_trains() => Assert.Equal("tune", _run.Training!.Id);

    [Fact]
    public void Answers_to_one_question_stand_in_one_row_with_the_base_before_them()
    {
        var results = ComparedResults.Of(
        [
            ("one", Result(new([new("Who?", "Base.", "One."), new("Where?", "Here.", "There.")]))),
            ("two", Result(new([new("Why?", null, "Since."), new("Who?", null, "Two.")]))),
            ("three", null),
        ]);

        var group = Assert.Single(results.Groups);
        Assert.Equal(["Base", "one", "two", "three"], group.Models);
        Assert.Equal(["Who?: Base. One. Two. –", "Where?: Here. There. – –", "Why?: – – Since. –"],
            group.Lines.Select(line => $"{line.Question}: {string.Join(' ', line.Answers.Select(cell => cell?.Text ?? "–"))}"));
    }

    [Fact]
    public void The_column_of_a_base_is_named_in_the_language_of_the_page()
    {
        var before = CultureInfo.CurrentUICulture;
        CultureInfo.CurrentUICulture = new("zh");
        try
        {
            (string, RunResult?)[] runs =
                [("one", Result(new([new("Who?", "Base.", "One.")]))), ("two", Result(new([new("Who?", "Other.", "Two.")])))];
            Assert.Equal(["基础模型", "one"], ComparedResults.Of(runs[..1]).Groups[0].Models);
            Assert.Equal(["one 的基础模型", "two 的基础模型", "one", "two"], ComparedResults.Of(runs).Groups[0].Models);
        }
        finally
        {
            CultureInfo.CurrentUICulture = before;
        }
    }

    [Fact]
    public void Bases_that_answered_otherwise_have_a_column_each()
    {
        var results = ComparedResults.Of(
        [
            ("one", Result(new([new("Who?", "Base.", "One.")]))),
            ("two", Result(new([new("Who?", "Other.", "Two.")]))),
            ("three", Result(new([new("Who?", "Base.", "Three."), new("Why?", "So.", "Since.")]))),
        ]);

        var group = Assert.Single(results.Groups);
        Assert.Equal(["Base of one, three", "Base of two", "one", "two", "three"], group.Models);
        Assert.Equal(["Base. Other. One. Two. Three.", "So. – – – Since."],
            group.Lines.Select(line => string.Join(' ', line.Answers.Select(cell => cell?.Text ?? "–"))));
    }

    [Fact]
    public void A_curve_is_the_same_until_more_is_known_and_never_longer_than_a_screen_is_wide()
    {
        _run.Keep([.. Enumerable.Range(1, 5000).Select(step => new StepMetrics(step, step, step % 2, 1, 1e-4, 1, step, null))]);
        var curve = _run.Curve(CurveAxis.Steps, isValidation: false);

        Assert.InRange(curve.Count, 100, 400);
        Assert.All(curve, point => Assert.Equal(0.5, point.Value, 0.1));
        Assert.Same(curve, _run.Curve(CurveAxis.Steps, isValidation: false));
        Assert.Empty(_run.Curve(CurveAxis.Steps, isValidation: true));

        Tell(1, 5, loss: 3);
        Assert.Equal(3, Assert.Single(_run.Curve(CurveAxis.Time, isValidation: false)).Value);
        Tell(2, 10, loss: 2);
        Assert.Equal(2, _run.Curve(CurveAxis.Time, isValidation: false).Count);
    }

    [Fact]
    public void The_best_of_a_score_is_the_lowest_where_less_is_better_and_none_where_all_are_equal()
    {
        var results = ComparedResults.Of(
        [
            ("one", Result(new([])
            {
                Scores = [new("bleu", 20, null), new("perplexity", 9, null, LowerIsBetter: true), new("em", 5, null)],
            })),
            ("two", Result(new([]) { Scores = [new("bleu", 30, null), new("perplexity", 4, null, LowerIsBetter: true)] })),
        ]);

        Assert.Equal(["bleu 30", "perplexity 4", "em "], results.Scores.Select(score => $"{score.Name} {score.Best}"));
        Assert.Null(results.Scores[2].Scores[1]);
    }

    private static RunResult Result(AnswersReport report) =>
        new([new StageReport("ask", new string('a', 64), ReportView.Of(report))], [], null);

    private void Tell(long step, int second, double? loss = null, double? validation = null, long? tokens = null) => _run.Tell(
        new StageProgress("step", step, 9) { Training = new(loss, validation, Tokens: tokens) }, s_noon.AddSeconds(second));

    private IEnumerable<(double, double)> Over(CurveAxis axis) =>
        _run.Points(axis).Where(point => point.Loss is not null).Select(point => (point.At(axis)!.Value, point.Loss!.Value));
}
