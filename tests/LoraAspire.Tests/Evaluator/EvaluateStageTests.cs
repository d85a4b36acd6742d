using LoraAspire.Evaluator;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Adapters;
using TorchSharp;

namespace LoraAspire.Tests.Evaluator;

public sealed class EvaluateStageTests : IDisposable
{
    private readonly DirectoryInfo _scratch = Directory.CreateTempSubdirectory("lora-evaluate-");
    private readonly List<StageProgress> _reports = [];

    public EvaluateStageTests() => LibTorch.Load();

    public void Dispose() => _scratch.Delete(recursive: true);

    [Fact]
    public void Model_and_base_answer_each_question_and_both_stand_side_by_side()
    {
        var output =
            Run(["Who are you?", "One|two\nthree"], Model("tuned", "I am Lora", template: "{instruction}!"), Model("base", "No one"));

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
        Assert.Equal([1L, 2, 3, 4], _reports.Select(report => report.Done));
        Assert.All(_reports, report => Assert.Equal(("answers", 4L), (report.Phase, report.Total)));
    }

    /// <summary>It was never taught a template; only so are the answers to the same question.</summary>
    [Fact]
    public void A_base_without_a_template_is_asked_by_the_models()
    {
        var speaks = AnswersReport.Load(Run(["Who?"], Model("tuned", "I am", template: "{instruction}!"), Model("base", "No one")));
        var own = AnswersReport.Load(
            Run(["Who?"], Model("tuned2", "I am", template: "{instruction}!"), Model("base2", "No one", template: "{instruction}?")));

        Assert.Equal("No one", speaks.Questions.Single().Base);
        Assert.NotEqual("No one", own.Questions.Single().Base);
    }

    [Fact]
    public void Without_a_base_there_is_one_column_and_the_longest_answer_is_as_asked()
    {
        var model = Model("tuned", "I am Lora", template: "{instruction}!");

        var output = Run(["Who?"], model);
        var cut = AnswersReport.Load(Run(["Who?"], model, maxNewTokens: 1));

        Assert.Contains("| question | answer |\n| --- | --- |\n| Who? | I am Lora |\n", File.ReadAllText(Path.Combine(output, "report.md")),
            StringComparison.Ordinal);
        Assert.Equal([new("Who?", null, "I am Lora")], AnswersReport.Load(output).Questions);
        Assert.True(cut.Questions.Single().Model is { Length: > 0 } start && start.Length < "I am Lora".Length
            && "I am Lora".StartsWith(start, StringComparison.Ordinal));
    }

    [Fact]
    public void What_can_not_be_asked_is_refused_in_words()
    {
        var empty = _scratch.CreateSubdirectory("empty").FullName;
        var broken = Model("broken", "I am", template: "{instruction}!");
        File.WriteAllText(Path.Combine(broken, "model.safetensors"), "nothing");

        Assert.Contains(empty, Assert.Throws<StageException>(() => Run(["Who?"], empty)).Message, StringComparison.Ordinal);
        Assert.Contains("model.safetensors", Assert.Throws<StageException>(() => Run(["Who?"], broken)).Message, StringComparison.Ordinal);
        if (!torch.cuda.is_available())
        {
            Assert.Contains("sees no GPU", Assert.Throws<StageException>(
                () => Run(["Who?"], Model("m", "I am"), device: Device.Cuda)).Message, StringComparison.Ordinal);
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
        File.WriteAllText(Path.Combine(_scratch.FullName, AnswersReport.FileName), text);

        Assert.Contains(AnswersReport.FileName, Assert.Throws<IOException>(() => AnswersReport.Load(_scratch.FullName)).Message,
            StringComparison.Ordinal);
    }

    private string Model(string name, string answer, string? template = null)
    {
        var folder = _scratch.CreateSubdirectory(name).FullName;
        SpeakingModel.Save(folder, after: "!", answer);
        if (template is not null)
        {
            SpeakingModel.SaveTemplate(folder, template);
        }
        return folder;
    }

    private string Run(string[] questions, string model, string? baseFolder = null, int maxNewTokens = 32, Device device = Device.Cpu)
    {
        var scratch = _scratch.CreateSubdirectory(Guid.NewGuid().ToString("N")).FullName;
        Dictionary<string, string> inputs = new() { ["model"] = model };
        if (baseFolder is not null)
        {
            inputs["base"] = baseFolder;
        }
        StageContext<EvaluatorParams> context = new(new() { Questions = questions, MaxNewTokens = maxNewTokens, Device = device }, inputs,
            new DataRoot(scratch), scratch, scratch, new ProgressSink(_reports.Add));
        new EvaluateStage().RunAsync(context, TestContext.Current.CancellationToken).GetAwaiter().GetResult();
        return context.OutputDir("report");
    }
}
