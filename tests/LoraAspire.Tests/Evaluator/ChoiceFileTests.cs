using LoraAspire.Evaluator;
using LoraAspire.Evaluator.Asking;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Tests.Evaluator;

/// <summary>Multiple choice from the files that MMLU, C-Eval and CMMLU publish.</summary>
public sealed class ChoiceFileTests : IDisposable
{
    private const string Mmlu = "\"Find the degree, if any.\",0,4,2,6,B\nIs it?,yes,no,\"maybe, \"\"so\"\"\",never,A\n";

    private readonly EvaluatorRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void MMLUs_files_have_no_header_and_their_names_tell_the_subject()
    {
        _run.Write("test/abstract_algebra_test.csv", Mmlu);

        var rows = ChoiceFiles.Read(new DataRoot(_run.Folder), ["test/abstract_algebra_test.csv"]);

        Assert.Equal(["Find the degree, if any.", "Is it?"], rows.Select(row => row.Question));
        Assert.Equal(["yes", "no", "maybe, \"so\"", "never"], rows[1].Choices);
        Assert.Equal(("abstract_algebra", 1, 0), (rows[0].Subject, rows[0].Answer, rows[1].Answer));
    }

    [Theory]
    [InlineData("id,question,A,B,C,D,answer\n0,哪个？,甲,乙,丙,丁,C\n", "c-eval/val/logic_val.csv")]
    [InlineData(",Question,A,B,C,D,Answer\n0,哪个？,甲,乙,丙,丁,C\n", "cmmlu/test/logic.csv")]
    [InlineData("\uFEFFid,question,A,B,C,D,answer,explanation\r\n0,哪个？,甲,乙,丙,丁,c,因为\r\n", "logic_dev.csv")]
    public void CEvals_and_CMMLUs_files_have_one(string text, string name)
    {
        _run.Write(name, text);

        var row = Assert.Single(ChoiceFiles.Read(new DataRoot(_run.Folder), [name]));

        Assert.Equal(("哪个？", 2, "logic", 4), (row.Question, row.Answer, row.Subject, row.Choices.Count));
    }

    [Theory]
    [InlineData("", "holds no record")]
    [InlineData("What?,x,y,E\n", "line 1 needs question, choices")]
    [InlineData("Which?,x,y,A\nWhat?,x\n", "line 2 needs question, choices")]
    [InlineData("question,A,B,answer\n\"Which?,x,y,A\n", "isn't closed")]
    [InlineData("question,A,B,answer\nWhich \"one?,x,y,A\n", "a quote in line 2")]
    public void A_file_that_is_none_is_told_with_its_line(string text, string words)
    {
        _run.Write("c.csv", text);

        Assert.Contains(words, Assert.Throws<StageException>(() => ChoiceFiles.Read(new DataRoot(_run.Folder), ["c.csv"])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Examples_of_the_subject_stand_before_a_question_as_in_lm_evaluation_harness()
    {
        ChoiceRow Row(string question, int answer, string subject) => new(question, ["x", "y"], answer, subject);
        ChoiceQuestions questions = new([Row("Q?", 0, "my_art")],
            [Row("One?", 1, "my_art"), Row("Other?", 0, "law"), Row("Two? ", 0, "my_art"), Row("Three?", 0, "my_art")], shots: 2);

        Assert.Equal("The following are multiple choice questions (with answers) about my art.\n\nOne?\nA. x\nB. y\nAnswer: B\n\n"
            + "Two?\nA. x\nB. y\nAnswer: A\n\nQ?\nA. x\nB. y\nAnswer:", questions.Prompt(questions.Rows[0]));
        Assert.Contains("of the subject 'law' dev has 1 examples", Assert.Throws<StageException>(
            () => new ChoiceQuestions([Row("Q?", 0, "law")], [Row("Other?", 0, "law")], 2).Require()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_few_examples_of_a_subject_are_told_by_the_check_as_by_the_run()
    {
        _run.Write("test/law_test.csv", "Who?,I,you,A\n");
        _run.Write("dev/law_dev.csv", "When?,now,then,B\n");
        EvaluatorParams with = new() { MultipleChoice = ["test/law_test.csv"], Dev = ["dev/law_dev.csv"], Shots = 2 };

        var told = new EvaluateStage().Check(new(with, new Dictionary<string, string>(), new DataRoot(_run.Folder))).Single();
        var failure = await _run.FailureAsync(with, ("model", "no model"));

        Assert.Equal(("shots", failure.Message), (told.Key, told.Problem));
        Assert.Contains("of the subject 'law' dev has 1 examples", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// The model says A after any prompt that ends in "Answer:". Right are 1 of 2 and 1 of 1: each question weighs the same, not each
    /// subject.
    /// </summary>
    [Fact]
    public async Task Subjects_are_weighed_by_their_questions()
    {
        _run.Write("test/abstract_algebra_test.csv", Mmlu);
        _run.Write("test/law_test.csv", "Who?,I,you,A\n");
        _run.Write("dev/abstract_algebra_dev.csv", "How?,so,thus,B\n");
        _run.Write("dev/law_dev.csv", "When?,now,then,B\n");
        EvaluatorParams with = new()
        {
            MultipleChoice = ["test/abstract_algebra_test.csv", "test/law_test.csv"],
            Dev = ["dev/abstract_algebra_dev.csv", "dev/law_dev.csv"],
            Shots = 1,
        };

        var report = await _run.ReportAsync(with, ("model", _run.Bare("letters", " A", after: "Answer:")),
            ("candidates.silent", _run.Model("silent", "No one")));

        Assert.Equal(200.0 / 3, report.Scores.Single().Value, 1e-9);
        Assert.Equal([("abstract_algebra", 2, 50.0), ("law", 1, 100.0)],
            report.Subjects.Select(subject => (subject.Subject, subject.Questions, subject.Value)));
        Assert.Single(report.Subjects[0].Candidates!);
    }
}
