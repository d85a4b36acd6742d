using System.Text.Json;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Tests.DataBuild;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Evaluator;

/// <summary>Held-out records taken straight from a data set.</summary>
public sealed class DatasetRowsTests : IDisposable
{
    private readonly EvaluatorRun _run = new();

    public void Dispose() => _run.Dispose();

    [Theory]
    [InlineData(true, "alpaca")]
    [InlineData(false, "alpaca")]
    [InlineData(true, "bayling")]
    public async Task Every_row_is_asked_by_its_own_prompt_and_its_answer_is_the_reference(bool trainOnInputs, string template)
    {
        const string records = """
            [{"instruction": "Who are you?", "output": "I am Lora"}, {"instruction": "And he.", "input": "Tom", "output": "No one"}]
            """;
        var data = await BuiltAsync(records, trainOnInputs, template);
        var model = _run.Bare("model", "I am Lora", after: "### Response:\n");

        var report = await _run.ReportAsync(new() { Split = RowsOf.All }, ("model", model), ("dataset", data));

        Assert.Equal(["I am Lora", "No one"], report.HeldOut.Select(row => row.Reference));
        Assert.All(["Who are you?", "And he."], text => Assert.Contains(report.HeldOut, row => row.Question.Contains(text)));
        Assert.All(report.HeldOut, row => Assert.DoesNotContain(row.Reference, row.Question));
        Assert.Equal((50.0, "I am Lora"), (report.Scores.Single(score => score.Name == "exact_match").Value, report.HeldOut[1].Model));
        Assert.True(report.Scores.Single(score => score.Name == "perplexity").Value > 1);
    }

    [Fact]
    public async Task The_rows_that_a_trainer_validates_on_are_held_out_and_none_that_it_learns()
    {
        var data = await BuiltAsync($"[{string.Join(",\n", Enumerable.Range(0, 20).Select(Record))}]");

        var report = await _run.ReportAsync(new() { Split = RowsOf.Validation, ValSetSize = 6, Seed = 7 },
            ("model", _run.Bare("model", "I am Lora", after: "### Response:\n")), ("dataset", data));

        using var rows = InstructionDataset.Open(data);
        TrainingRows trainers = new(rows, new() { ValSetSize = 6, Seed = 7, WarmupSteps = 0 });
        Assert.Equal(6, trainers.HeldOut.Count);
        Assert.Equal(trainers.HeldOut.Select(row => $"Answer {row}"), report.HeldOut.Select(row => row.Reference));
    }

    [Fact]
    public async Task A_record_that_training_held_too_is_left_out_and_counted()
    {
        const string both = """{"instruction": "Who are you?", "output": "I am Lora"}""";
        var trained = await BuiltAsync($$"""[{{both}}, {"instruction": "x", "output": "y"}]""");
        var test = await BuiltAsync($$"""[{{both}}, {"instruction": "New?", "output": "Yes"}]""");
        var model = ("model", _run.Bare("model", "I am Lora", after: "### Response:\n"));
        _run.Write("held.jsonl", """
            {"instruction": "Who are you?", "output": "I am Lora"}
            {"instruction": "Who are you?", "output": "Another"}
            """);

        var report = await _run.ReportAsync(new() { Split = RowsOf.All }, model, ("dataset", test), ("trained_on", trained));
        var file = await _run.ReportAsync(new() { HeldOut = "held.jsonl" }, model, ("trained_on", trained));
        var failure = await _run.FailureAsync(new() { Split = RowsOf.All }, model, ("dataset", trained), ("trained_on", trained));

        Assert.Equal((1, "Yes"), (report.AlsoTrained, report.HeldOut.Single().Reference));
        Assert.Equal((1, "Another"), (file.AlsoTrained, file.HeldOut.Single().Reference));
        Assert.Contains(_run.Said, message => message.Contains("1 held-out records are left out", StringComparison.Ordinal));
        Assert.Contains("All of the data set's held-out rows stand in training too", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>Another vocabulary, of 600 tokens, and no weights beside it: nothing was loaded yet.</summary>
    [Theory]
    [InlineData("base", "base")]
    [InlineData("candidates.other", "other")]
    public async Task A_model_with_another_tokenizer_is_refused_before_anything_is_loaded(string input, string name)
    {
        var data = await BuiltAsync("""[{"instruction": "Who?", "output": "I am Lora"}, {"instruction": "x", "output": "y"}]""");
        var other = JsonElement.Parse(File.ReadAllBytes(
            Path.Combine(GoldenFolder.RepoRoot, "tests", "LoraAspire.Tests", "Tokenizers", "ByteLevel", "qwen2.json")));
        _run.Write("other/tokenizer.json", other.GetProperty("tokenizer").GetRawText());
        _run.Write("other/tokenizer_config.json", """{"eos_token": "<|end|>"}""");

        var failure = await _run.FailureAsync(new() { Split = RowsOf.All }, ("model", _run.Model("model", "I am Lora")),
            (input, Path.Combine(_run.Folder, "other")), ("dataset", data));

        Assert.Contains($"The data set's rows are other texts to the tokenizer of '{name}'", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>The model has a context of 256 tokens.</summary>
    [Fact]
    public async Task A_row_beyond_the_context_is_measured_as_far_as_that_goes_like_a_record_of_a_file()
    {
        var record = $$"""{"instruction": "Who?", "output": "{{string.Join(' ', Enumerable.Repeat("I am Lora", 80))}}"}""";
        var data = await BuiltAsync($"[{record}]");
        using (var rows = InstructionDataset.Open(data))
        {
            Assert.InRange(rows.InputIds(0).Length, 257, 512);
        }
        _run.Write("held.jsonl", record);
        var model = ("model", _run.Bare("model", "I am Lora", after: "### Response:\n"));

        var fromRows = await _run.ReportAsync(new() { Split = RowsOf.All }, model, ("dataset", data));
        var fromFile = await _run.ReportAsync(new() { HeldOut = "held.jsonl" }, model);

        static double Perplexity(AnswersReport report) => report.Scores.Single(score => score.Name == "perplexity").Value;
        Assert.Equal(Perplexity(fromFile), Perplexity(fromRows), 1e-9);
    }

    [Fact]
    public async Task What_does_not_fit_together_is_refused_in_words()
    {
        var data = await BuiltAsync("""[{"instruction": "Who?", "output": "I am Lora"}, {"instruction": "x", "output": "y"}]""");
        var model = ("model", _run.Model("model", "I am Lora"));

        Assert.Contains("add the input dataset", (await _run.FailureAsync(new() { Split = RowsOf.All }, model)).Message);
        Assert.Contains("add split", (await _run.FailureAsync(new() { Questions = ["a"] }, model, ("dataset", data))).Message);
        Assert.Contains("val_set_size holds out 0 of", (await _run.FailureAsync(new() { Split = RowsOf.Validation }, model,
            ("dataset", data))).Message);
        Assert.Equal(["split", "val_set_size"], new EvaluatorParams { Split = RowsOf.All, HeldOut = "a", ValSetSize = 2 }.Validate()
            .Select(problem => problem.Key));
    }

    private static string Record(int i) => $$"""{"instruction": "Question {{i}}?", "output": "Answer {{i}}"}""";

    private static async Task<string> BuiltAsync(string records, bool trainOnInputs = true, string template = "alpaca") =>
        (await new StageRun { Base = GoldenFolder.Pebble }.File("a.json", records).RunAsync(new()
        {
            Sources = [new AlpacaSource { Path = "a.json" }],
            PromptTemplateName = template,
            TrainOnInputs = trainOnInputs,
            CutoffLen = 512,
        })).Dataset;
}
