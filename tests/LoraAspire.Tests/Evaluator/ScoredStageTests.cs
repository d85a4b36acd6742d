using LoraAspire.Evaluator;
using LoraAspire.Evaluator.Asking;
using LoraAspire.Evaluator.Reports;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Tests.Evaluator;

/// <summary>What the stage measures of models whose answers are known beforehand.</summary>
public sealed class ScoredStageTests : IDisposable
{
    private readonly EvaluatorRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public async Task Held_out_answers_are_scored_against_their_references_and_the_base()
    {
        _run.Write("held.jsonl", """
            {"instruction": "Who are you?", "output": "I am Lora"}

            {"question": "And <you>?", "input": "x", "references": ["Someone", "I am Lora"]}
            """);

        var output = await _run.RunAsync(new() { HeldOut = "held.jsonl" }, ("model", _run.Model("tuned", "I am Lora")),
            ("base", _run.Model("base", "No one")));

        var report = AnswersReport.Load(output);
        var scores = report.Scores.ToDictionary(score => score.Name);
        Assert.Equal(["bleu", "chrf", "chrf++", "ter", "rouge_l", "exact_match", "f1", "accuracy", "perplexity", "perplexity_increase"],
            report.Scores.Select(score => score.Name));
        Assert.Equal((100, 0.0, 0.0), (scores["exact_match"].Value, scores["exact_match"].Base, scores["exact_match"].HalfWidth));
        Assert.Equal((100.0, 0.0), (scores["chrf"].Value, scores["ter"].Value));
        Assert.Equal("nrefs:var|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0", scores["chrf"].Signature);
        Assert.InRange(scores["exact_match"].P!.Value, 0.0009, 0.0011);
        Assert.Equal(["I am Lora", "Someone"], report.HeldOut.Select(row => row.Reference));
        Assert.Equal("And <you>?\nx", report.HeldOut[1].Question);
        var page = File.ReadAllText(Path.Combine(output, HtmlPage.FileName));
        Assert.Contains("And &lt;you&gt;?", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<you>", page, StringComparison.Ordinal);
        Assert.Contains("| exact_match | 100 | 0 |  |", File.ReadAllText(Path.Combine(output, AnswersPage.FileName)),
            StringComparison.Ordinal);
    }

    /// <summary>
    /// After the norm the state of a token with a direction has the length √16, so that the right logit is 4 and the others 0: each token's
    /// probability is e⁴ / (e⁴ + V − 1). The norm's epsilon changes the fourth digit.
    /// </summary>
    [Fact]
    public async Task Perplexity_is_that_of_the_answers_tokens_alone()
    {
        _run.Write("held.json", """
            [{"instruction": "Who?", "output": "I am Lora"}, {"instruction": "A much longer one?", "output": "I am Lora"}]
            """);
        var model = _run.Model("tuned", "I am Lora");

        var report = await _run.ReportAsync(new() { HeldOut = "held.json" }, ("model", model), ("base", model));

        var vocabulary = HfTokenizer.Load(model).VocabSize;
        var expected = (Math.Exp(4) + vocabulary - 1) / Math.Exp(4);
        Assert.Equal(expected, report.Scores.Single(score => score.Name == "perplexity").Value, expected * 1e-3);
        Assert.Equal(1, report.Scores.Single(score => score.Name == "perplexity_increase").Value, 1e-9);
    }

    [Fact]
    public async Task A_score_below_what_is_required_fails_the_run_with_the_numbers()
    {
        _run.Write("held.jsonl", """{"instruction": "Who?", "output": "I am Lora"}""");
        EvaluatorParams with = new() { HeldOut = "held.jsonl", Require = new() { Chrf = 99, PerplexityIncrease = 1.01, ExactMatch = 1 } };

        var error = await _run.FailureAsync(with, ("model", _run.Model("m", "No one")), ("base", _run.Model("b", "I am Lora")));
        var passed = await _run.ReportAsync(with, ("model", _run.Model("good", "I am Lora")), ("base", _run.Model("b2", "No one")));

        Assert.Matches("isn't good enough: chrf is [0-9.]+, at least 99 is required; exact_match is 0, at least 1 is required; "
            + "perplexity_increase is [0-9.]+, at most 1.01 is required. Its scores: bleu ", error.Message);
        Assert.Equal(99, passed.Scores.Single(score => score.Name == "chrf").Required);
        Assert.Contains("add the input base", (await _run.FailureAsync(with, ("model", _run.Model("alone", "No one")))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_it_is_and_what_it_forgot_are_measured()
    {
        EvaluatorParams with = new() { Identity = new() { Name = "Lora" }, Ordinary = true };

        var report = await _run.ReportAsync(with, ("model", _run.Model("tuned", "I am Lora")), ("base", _run.Model("base", "No one")));
        var same = await _run.ReportAsync(with, ("model", _run.Model("same", "No one")), ("base", _run.Model("base2", "No one")));

        var identity = report.Scores.Single(score => score.Name == "identity");
        Assert.Equal((1, 8.0 / 32), (identity.Value, identity.Base!.Value));
        Assert.Equal(32, report.Identity.Count);
        Assert.True(report.Scores.Single(score => score.Name == "ordinary_chrf").Value < 20);
        Assert.Equal(100, same.Scores.Single(score => score.Name == "ordinary_chrf").Value, 1e-9);
        Assert.Equal(1, same.Scores.Single(score => score.Name == "ordinary_perplexity_increase").Value, 1e-9);
        Assert.All(same.Ordinary, row => Assert.Equal("No one", row.Reference));
    }

    /// <summary>The model says B after any prompt that ends in a colon; in the second question that is wrong.</summary>
    [Fact]
    public async Task The_most_probable_letter_is_taken()
    {
        _run.Write("choices.jsonl", """
            {"question": "Which?", "choices": ["x", "y", "z"], "answer": 1, "subject": "high_school_physics"}
            {"Question": "Which one?", "A": "x", "B": "y", "C": "z", "D": "w", "Answer": "d"}
            """);
        var model = _run.Bare("letters", " B", after: "Answer:");

        var report = await _run.ReportAsync(new() { MultipleChoice = ["choices.jsonl"] }, ("model", model),
            ("base", _run.Model("base", "No one")));

        var score = Assert.Single(report.Scores);
        Assert.Equal(("multiple_choice", 50.0, "accuracy = 50.00"), (score.Name, score.Value, score.Text));
        Assert.NotNull(score.P);
        Assert.Equal("The following are multiple choice questions (with answers) about high school physics.\n\nWhich?\nA. x\nB. y\nAnswer:",
            new ChoiceRow("Which?", ["x", "y"], 0, "high_school_physics").Prompt());
        Assert.Equal("哪个？\nA. 甲\nB. 乙\n答案：", new ChoiceRow("哪个？", ["甲", "乙"], 0, null).Prompt());
    }

    [Theory]
    [InlineData("""{"question": "a", "choices": ["x"], "answer": 0}""")]
    [InlineData("""{"question": "a", "choices": ["x", "y"], "answer": 2}""")]
    [InlineData("""{"question": "a", "A": "x", "B": "y", "answer": "C"}""")]
    [InlineData("""{"question": "a", "A": "x", "B": "y"}""")]
    public async Task A_question_without_a_right_choice_is_refused(string text)
    {
        _run.Write("choices.jsonl", text);

        var error = await _run.FailureAsync(new() { MultipleChoice = ["choices.jsonl"] }, ("model", "no model"));

        Assert.Contains("line 1 needs question, choices", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_score_is_an_event_that_comes_through_the_workers_pipe()
    {
        _run.Write("held.jsonl", """{"instruction": "Who?", "output": "I am Lora"}""");
        Events events = new();

        await _run.RunAsync(new() { HeldOut = "held.jsonl", Require = new() { Bleu = 0 } }, null, events,
            ("model", _run.Model("tuned", "I am Lora")));

        Assert.All(events.Seen, one => Assert.Equal("gen_ai.evaluation.result", one.Name));
        var bleu = Assert.IsType<LoggedLine>(AttemptLine.Read(events.Seen[0].ToLine().ToText()));
        Assert.Equal(("bleu", "pass"),
            (bleu.Fields!["gen_ai.evaluation.name"].GetString(), bleu.Fields["gen_ai.evaluation.score.label"].GetString()));
        Events arrived = new();
        EventFields.Log(arrived, bleu.Level, bleu.Event!, bleu.Fields, bleu.Text);
        Assert.Equal(events.Seen[0].Fields, arrived.Seen.Single().Fields);
    }

    [Theory]
    [InlineData("", "holds no record")]
    [InlineData("[", "can't be read as JSON")]
    [InlineData("{\"instruction\": \"a\"}", "line 1 needs the texts")]
    [InlineData("\n{\"instruction\": \"a\", \"references\": []}", "line 2 needs the texts")]
    [InlineData("[{\"instruction\": \"a\", \"references\": [3]}]", "record 1 can't be read")]
    [InlineData("{\"instruction\": \"a\", \"output\": \"\\ud800\"}", "line 1 can't be read")]
    [InlineData("3", "line 1 needs the texts")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "is a git-lfs pointer")]
    [InlineData("{\"instruction\"", "line 1 can't be read")]
    public async Task A_damaged_file_is_told_with_its_record_before_a_model_is_loaded(string text, string words)
    {
        _run.Write("held.jsonl", text);
        EvaluatorParams with = new() { HeldOut = "held.jsonl" };

        Assert.Contains(words, (await _run.FailureAsync(with, ("model", "no model"))).Message, StringComparison.Ordinal);
        Assert.Contains(new EvaluateStage().Check(new(with, new Dictionary<string, string>(), new DataRoot(_run.Folder))),
            finding => finding.Key == "held_out" && finding.Problem.Contains(words, StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_required_but_not_measured_is_refused_at_once()
    {
        EvaluatorParams with = new() { Questions = ["a"], Require = new() { Bleu = 1, Identity = 1 }, Tokenize = "x", };

        Assert.Equal(["tokenize", "require", "require"], with.Validate().Select(problem => problem.Key));
        Assert.Contains("bleu is measured on held_out", with.Validate().ElementAt(1).Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a b", "a c", "a <del>b</del><ins>c</ins>")]
    [InlineData("我是你", "我是他们", "我是<del>你</del><ins>他</ins><ins>们</ins>")]
    [InlineData("", "<b>", "<ins>&lt;</ins><ins>b</ins><ins>&gt;</ins>")]
    public void The_difference_of_two_answers_is_by_words(string before, string after, string html) =>
        Assert.Equal(html, WordDifference.Html(before, after));

    private sealed record Event(string? Name, IReadOnlyDictionary<string, object?> Fields, string Text)
    {
        public LoggedLine ToLine() => new(LogLevel.Information, "c", Text)
        {
            Event = Name,
            Fields = EventFields.Of(new EventId(0, Name), Fields),
        };
    }

    private sealed class Events : ILogger<EvaluateStage>
    {
        public List<Event> Seen { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            Seen.Add(new(eventId.Name, ((IEnumerable<KeyValuePair<string, object?>>)state!).ToDictionary(), formatter(state, exception)));
    }
}
