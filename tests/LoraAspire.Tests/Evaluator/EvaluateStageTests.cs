using LoraAspire.Pipelines.Stages;
using TorchSharp;

namespace LoraAspire.Tests.Evaluator;

public sealed class EvaluateStageTests : IDisposable
{
    private readonly EvaluatorRun _run = new() { MaxNewTokens = 32 };

    public void Dispose() => _run.Dispose();

    [Fact]
    public async Task Model_and_base_answer_each_question_and_both_stand_side_by_side()
    {
        var output = await _run.RunAsync(new() { Questions = ["Who are you?", "One|two\nthree"] },
            ("model", _run.Model("tuned", "I am Lora")), ("base", _run.Bare("base", "No one")));

        var report = AnswersReport.Load(output);
        Assert.Equal([new("Who are you?", "No one", "I am Lora"), new("One|two\nthree", "No one", "I am Lora")], report.Questions);
        Assert.Equal("""
            # Answers

            Greedy decoding, each question in a conversation of its own.

            | question | base | tuned |
            | --- | --- | --- |
            | Who are you? | No one | I am Lora |
            | One\|two<br>three | No one | I am Lora |

            """, File.ReadAllText(Path.Combine(output, "report.md")), ignoreLineEndingDifferences: true);
        Assert.Equal([1L, 2, 3, 4], _run.Reports.Select(report => report.Done));
        Assert.All(_run.Reports, report => Assert.Equal(("answers", 4L), (report.Phase, report.Total)));
    }

    /// <summary>It was never taught a template; only so are the answers to the same question.</summary>
    [Fact]
    public async Task A_base_without_a_template_is_asked_by_the_models()
    {
        EvaluatorParams with = new() { Questions = ["Who?"] };
        var tuned = _run.Model("tuned", "I am");

        var speaks = await _run.ReportAsync(with, ("model", tuned), ("base", _run.Bare("base", "No one")));
        var own = await _run.ReportAsync(with, ("model", tuned), ("base", _run.Model("base2", "No one", template: "{instruction}?")));

        Assert.Equal("No one", speaks.Questions.Single().Base);
        Assert.NotEqual("No one", own.Questions.Single().Base);
    }

    [Fact]
    public async Task Without_a_base_there_is_one_column_and_the_longest_answer_is_as_asked()
    {
        EvaluatorParams with = new() { Questions = ["Who?"] };
        var model = _run.Model("tuned", "I am Lora");

        var output = await _run.RunAsync(with, ("model", model));
        _run.MaxNewTokens = 1;
        var cut = await _run.ReportAsync(with, ("model", model));

        Assert.Contains("| question | answer |\n| --- | --- |\n| Who? | I am Lora |\n", File.ReadAllText(Path.Combine(output, "report.md")),
            StringComparison.Ordinal);
        Assert.Equal([new("Who?", null, "I am Lora")], AnswersReport.Load(output).Questions);
        Assert.True(cut.Questions.Single().Model is { Length: > 0 } start && start.Length < "I am Lora".Length
            && "I am Lora".StartsWith(start, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_can_not_be_asked_is_refused_in_words()
    {
        var empty = Directory.CreateDirectory(Path.Combine(_run.Folder, "empty")).FullName;
        var broken = _run.Model("broken", "I am");
        File.WriteAllText(Path.Combine(broken, "model.safetensors"), "nothing");
        EvaluatorParams with = new() { Questions = ["Who?"] };

        Assert.Contains(empty, (await _run.FailureAsync(with, ("model", empty))).Message, StringComparison.Ordinal);
        Assert.Contains("model.safetensors", (await _run.FailureAsync(with, ("model", broken))).Message, StringComparison.Ordinal);
        if (!torch.cuda.is_available())
        {
            _run.Device = Device.Cuda;
            Assert.Contains("sees no GPU", (await _run.FailureAsync(with, ("model", _run.Bare("m", "I am")))).Message,
                StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"questions": [null]}""")]
    [InlineData("""{"questions": [{"question": "Who?"}, 3]}""")]
    public void A_damaged_report_is_told_with_its_file(string text)
    {
        File.WriteAllText(Path.Combine(_run.Folder, AnswersReport.FileName), text);

        Assert.Contains(AnswersReport.FileName, Assert.Throws<IOException>(() => AnswersReport.Load(_run.Folder)).Message,
            StringComparison.Ordinal);
    }
}
