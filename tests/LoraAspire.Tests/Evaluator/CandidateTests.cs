using LoraAspire.Evaluator.Reports;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Tests.Evaluator;

/// <summary>Several models side by side: folders, adapters, checkpoints.</summary>
public sealed class CandidateTests : IDisposable
{
    private readonly EvaluatorRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public async Task Models_adapters_and_checkpoints_answer_the_same_questions()
    {
        _run.Write("held.jsonl", """
            {"instruction": "Who are you?", "output": "I am Lora"}
            {"instruction": "And you?", "output": "I am Lora"}
            """);
        var before = _run.Model("base", "No one");
        _run.Adapter("steps/step-000020", before, silences: true);
        _run.Adapter("steps/step-000010", before);
        EvaluatorParams with = new() { Questions = ["Who?"], HeldOut = "held.jsonl", Identity = new() { Name = "Lora" }, Ordinary = true };

        var output = await _run.RunAsync(with, ("base", before), ("model", _run.Model("tuned", "I am Lora")),
            ("candidates.steps", Path.Combine(_run.Folder, "steps")), ("candidates.late", _run.Model("late", "I am Lora")));

        var report = AnswersReport.Load(output);
        Assert.Equal(["late", "steps/step-000010", "steps/step-000020"], report.Candidates);
        Assert.Equal(["I am Lora", "No one"], report.Questions.Single().Candidates!.Take(2));
        Assert.DoesNotContain("No one", report.Questions.Single().Candidates![2], StringComparison.Ordinal);
        var exact = report.Scores.Single(score => score.Name == "exact_match");
        Assert.Equal([100.0, 0, 0], exact.Candidates!.Select(one => one.Value));
        Assert.Equal(("No one", 0.0), (report.HeldOut[0].Candidates![1].Answer, exact.Base));
        // The same as the model, and so no difference to it; the same as the base, and so none to that.
        Assert.Equal((1.0, true), (exact.Candidates![0].ModelP, exact.Candidates![0].P < 1));
        Assert.Equal((1.0, true), (exact.Candidates![1].P, exact.Candidates![1].ModelP < 1));
        var perplexity = report.Scores.Single(score => score.Name == "perplexity");
        Assert.Equal(perplexity.Value, perplexity.Candidates![0].Value, 1e-9);
        Assert.Equal(perplexity.Base!.Value, perplexity.Candidates![1].Value, 1e-6);
        var identity = report.Scores.Single(score => score.Name == "identity");
        Assert.Equal([1.0, 8.0 / 32, 8.0 / 32], identity.Candidates!.Select(one => one.Value));
        Assert.True(identity is { P: < 0.01, HalfWidth: 0 });
        Assert.Equal("the name is missing", report.Identity[0].Candidates![2].Wrong);
        Assert.Equal(100, report.Scores.Single(score => score.Name == "ordinary_chrf").Candidates![1].Value, 1e-9);
        Assert.Contains("| question | base | tuned | late | steps/step-000010 | steps/step-000020 |",
            File.ReadAllText(Path.Combine(output, AnswersPage.FileName)), StringComparison.Ordinal);
        Assert.Contains("<th>steps/step-000010</th>", File.ReadAllText(Path.Combine(output, HtmlPage.FileName)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_can_be_no_candidate_is_refused_in_words()
    {
        var model = _run.Model("m", "I am Lora");
        var adapter = _run.Adapter("a", model);
        EvaluatorParams with = new() { Questions = ["Who?"] };

        Assert.Contains("'x' is an adapter, and is asked beside its base: add the input base",
            (await _run.FailureAsync(with, ("model", model), ("candidates.x", adapter))).Message, StringComparison.Ordinal);
        Assert.Contains("can't be called 'base'",
            (await _run.FailureAsync(with, ("model", model), ("candidates.base", model))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Candidates_are_named_in_the_YAML_and_may_be_models_adapters_and_checkpoints()
    {
        var pipeline = Parse("""
              - { id: tune, uses: trainer, with: { keep_checkpoints: true }, inputs: { dataset: data.dataset, base: model:m } }
              - id: evaluate
                uses: evaluator
                with: { questions: [Who?] }
                inputs:
                  base: model:m
                  model: model:n
                  candidates: { early: tune.adapter, all: tune.checkpoints, other: model:o }
            """).Pipeline!;

        Assert.Equal(["base", "model", "candidates.early", "candidates.all", "candidates.other"],
            pipeline.Stage("evaluate").Inputs.Keys);
        Assert.Equal(new StageOutput("tune", "checkpoints"), pipeline.Stage("evaluate").Inputs["candidates.all"]);
    }

    [Theory]
    [InlineData("candidates: model:o", "'candidates' takes names, each with its source: `candidates: { early: model:NAME }`")]
    [InlineData("candidates: { Big Name: model:o }", "'candidates' takes names")]
    [InlineData("candidates: { x: data.dataset }", "takes a model or an adapter or checkpoints, but data.dataset is a dataset")]
    [InlineData("candidates: { x: tune.checkpoints }", "gives no 'checkpoints'")]
    [InlineData("candidates.x: model:a, candidates: { x: model:b }", "input 'candidates.x' is given twice")]
    [InlineData("candidates: { x: model:a }, candidates.x: model:b", "input 'candidates.x' is given twice")]
    [InlineData("others: { x: model:o }", "has no input 'others.x'")]
    public void A_wrong_candidate_is_told(string input, string words) => Assert.Contains(Parse($$"""
          - { id: tune, uses: trainer, inputs: { dataset: data.dataset, base: model:m } }
          - { id: e, uses: evaluator, with: { questions: [Who?] }, inputs: { model: model:n, {{input}} } }
        """).Errors, error => error.ToString().Contains(words, StringComparison.Ordinal));

    private static ParsedPipeline Parse(string stages) => PipelineParser.Parse("""
        name: x
        stages:
          - { id: data, uses: data-build, with: { sources: [ { alpaca: { path: a.json } } ] }, inputs: { base: model:m } }

        """ + stages + "\n", "p.yaml");
}
