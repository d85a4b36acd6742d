using LoraAspire.ChatClients;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Tests.DataBuild;
using LoraAspire.Tests.Evaluator;
using LoraAspire.Tests.Goldens;
using static LoraAspire.Tests.DataBuild.Written.ScriptedServer;

namespace LoraAspire.Tests.Documentation;

public sealed class EvaluateExampleTests
{
    /// <summary>Its stage evaluate but for the judge's address and the gate, on small models and files of its names.</summary>
    [Fact]
    public async Task The_example_of_evaluate_md_is_a_pipeline_and_its_evaluation_runs()
    {
        var text = File.ReadAllText(Path.Combine(GoldenFolder.RepoRoot, "docs", "evaluate.md"));
        var parsed = PipelineParser.Parse(text.Split("```yaml\n")[1].Split("```")[0], "evaluate.md");
        Assert.Empty(parsed.Errors);
        var stage = parsed.Pipeline!.Stage("evaluate");
        var with = (EvaluatorParams)stage.With;

        using EvaluatorRun run = new();
        foreach (var file in with.DataFiles())
        {
            run.Write(file, string.Concat(Enumerable.Range(0, 6).Select(i => $"Question {i}?,one,two,three,four,A\n")));
        }
        var data = await new StageRun { Base = GoldenFolder.Pebble }
            .File("alpaca.json", $"[{string.Join(',', Enumerable.Range(0, 12).Select(i =>
                $$"""{"instruction": "Question {{i}}?", "output": "Answer {{i}}"}"""))}]")
            .RunAsync(new() { Sources = [new AlpacaSource { Path = "alpaca.json" }], PromptTemplateName = "alpaca" });
        await using var server = await StartAsync(Answers(asked => asked.Prompt.Contains("[First answer]", StringComparison.Ordinal)
            ? """{"reason": "So it is.", "winner": "tie"}""" : """{"reason": "So it is.", "rating": 3}"""));
        var before = run.Model("base", "No one");
        run.Adapter("steps/step-000050", before);
        Assert.Equal(["base", "model", "candidates.steps", "dataset"], stage.Inputs.Keys);

        var report = AnswersReport.Load(await run.RunAsync(
            with with { Judge = with.Judge! with { Address = server.Address }, Require = null }, new ChatModels(), null, ("base", before),
            ("model", run.Model("tuned", "I am Lora")), ("candidates.steps", Path.Combine(run.Folder, "steps")),
            ("dataset", data.Dataset)));

        Assert.Equal((2, 4, 12), (report.Questions.Count, report.HeldOut.Count, report.Subjects.Sum(subject => subject.Questions)));
        Assert.Equal(["steps/step-000050"], report.Candidates);
        var required = with.Require!.Asked().Select(one => one.Score).ToList();
        Assert.Equal(required, report.Scores.Select(score => score.Name).Intersect(required).OrderBy(required.IndexOf));
    }
}
