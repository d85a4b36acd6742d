using LoraAspire.Lab.ResultPages;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Tests.Lab;

/// <summary>A report as the lab draws it.</summary>
public sealed class ReportViewTests
{
    [Fact]
    public void Columns_are_the_base_the_tuned_model_and_each_candidate_and_who_was_not_asked_has_an_empty_place()
    {
        AnswersReport report = new([new("q", "b", "t") { Candidates = ["c1", "c2"] }, new("r", null, "t")])
        {
            Candidates = ["step-1", "step-2"],
        };

        var group = Assert.Single(ReportView.Of(report).Groups);

        Assert.Equal(["Base", "Tuned", "step-1", "step-2"], group.Models);
        Assert.Equal(1, group.Tuned);
        Assert.Equal(["b", "t", "c1", "c2"], group.Lines[0].Answers.Select(cell => cell?.Text));
        Assert.Equal([null, "t", null, null], group.Lines[1].Answers.Select(cell => cell?.Text));
    }

    [Fact]
    public void A_model_alone_has_one_column()
    {
        AnswersReport report = new([new("q", null, "a")]) { Scores = [new("identity", 0.5)] };

        var view = ReportView.Of(report);

        Assert.Equal(["Model"], view.Groups[0].Models);
        Assert.Equal(["Model"], view.Scores.Models);
        Assert.Equal([0.5], view.Scores.Lines[0].Cells.Select(cell => cell!.Value));
    }

    [Theory]
    [InlineData(20.0, false, 20.0, true)]
    [InlineData(19.9, false, 20.0, false)]
    [InlineData(1.1, true, 1.1, true)]
    [InlineData(1.2, true, 1.1, false)]
    public void A_score_meets_what_is_required_by_its_own_direction(double value, bool lowerIsBetter, double required, bool met)
    {
        var table = ScoreTable.Of(new([]) { Scores = [new("one", value, null, lowerIsBetter) { Required = required }, new("other", 1)] });

        Assert.Equal(met, Assert.Single(table.Gates).Met);
    }

    [Theory]
    [InlineData(30.0, 20.0, false, 0.01, 1)]
    [InlineData(30.0, 20.0, true, 0.01, -1)]
    [InlineData(30.0, 20.0, false, 0.2, 0)]
    [InlineData(10.0, 20.0, true, null, 1)]
    [InlineData(20.0, 20.0, false, null, 0)]
    [InlineData(20.0, null, false, null, 0)]
    public void A_difference_to_the_base_is_told_unless_it_may_be_chance(
        double value, double? other, bool lowerIsBetter, double? p, int change)
    {
        var table = ScoreTable.Of(new([]) { Scores = [new("one", value, other, lowerIsBetter) { P = p }] });

        Assert.Equal(change, table.Lines[0].Cells[^1]!.Change);
    }

    [Fact]
    public void Scored_answers_stand_from_the_worst_and_wrong_ones_about_itself_first()
    {
        AnswersReport report = new([])
        {
            HeldOut = [new("good", "r", "b", "t", 90, 10), new("bad", "r", "b", "t", 5, 10)],
            Identity = [new("right one", "I am Mingyu.", null), new("wrong one", "I am GPT.", "says GPT")],
        };

        var groups = ReportView.Of(report).Groups;

        Assert.Equal(["bad", "good"], groups[0].Lines.Select(line => line.Question));
        Assert.True(groups[0].FromWorst);
        Assert.Equal("r", groups[0].Lines[0].Reference);
        Assert.Equal([10, 5], groups[0].Lines[0].Answers.Select(cell => cell!.Score!.Value));
        Assert.Equal([("says GPT", Tone.Bad), ("right", Tone.Good)],
            groups[1].Lines.Select(line => (line.Answers[0]!.Verdict!, line.Answers[0]!.Tone)));
    }

    [Fact]
    public void What_a_judge_said_is_a_table_of_models_and_a_verdict_beside_each_answer()
    {
        JudgeReport judge = new("gpt", [new("base", 2.5), new("model", null) { Wins = 3, Ties = 1, Losses = 2 }],
            [new("q", [new("a", 2), new("b", 4) { Outcome = PairOutcome.Loss, Reason = "why", Reasons = ["one", "two"] }])]);

        var view = ReportView.Of(new([]) { Judge = judge });

        Assert.Equal(["model", "–", "3", "1", "2"], view.Tables[0].Rows[1]);
        var cell = view.Groups[0].Lines[0].Answers[1]!;
        Assert.Equal(("4 of 5 · lost", Tone.Bad), (cell.Verdict!, cell.Tone));
        Assert.Equal(["why", "one", "two"], cell.Reasons);
    }

    [Fact]
    public void Subjects_are_a_row_each_with_every_model()
    {
        AnswersReport report = new([])
        {
            Candidates = ["c"],
            Subjects = [new("law", 12, 50, 25) { Candidates = [75] }, new("art", 3, 100, null)],
        };

        var table = Assert.Single(ReportView.Of(report).Tables);

        Assert.Equal(["Subject", "Questions", "Base", "Tuned", "c"], table.Columns);
        Assert.Equal(["law", "12", "25.00", "50.00", "75.00"], table.Rows[0]);
        Assert.Equal(["art", "3", "–", "100.00", "–"], table.Rows[1]);
    }
}
