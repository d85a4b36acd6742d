using LoraAspire.ChatClients;
using LoraAspire.Evaluator.Judging;
using LoraAspire.Evaluator.Reports;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.DataBuild.Written;
using Microsoft.AspNetCore.Http;
using static LoraAspire.Tests.DataBuild.Written.ScriptedServer;

namespace LoraAspire.Tests.Evaluator;

/// <summary>A chat model that judges answers, over HTTP.</summary>
public sealed class JudgeTests : IDisposable
{
    private const string Key = "sk-judging-0123456789abcdef";

    private readonly EvaluatorRun _run = new();
    private readonly string _keyVariable = $"LORA_TEST_KEY_{Guid.NewGuid():N}";

    public JudgeTests() => Environment.SetEnvironmentVariable(_keyVariable, Key);

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(_keyVariable, null);
        _run.Dispose();
    }

    [Fact]
    public async Task Each_pair_is_judged_in_both_orders_and_each_answer_rated()
    {
        await using var server = await StartAsync(Prefers("I am Lora"));
        var output = await RunAsync(server, new() { Questions = ["Who are you?"] });

        var report = AnswersReport.Load(output);
        Assert.Equal(["base", "model", "same"], report.Judge!.Models.Select(model => model.Name));
        Assert.Equal((0, 1, 0), (report.Judge.Models[0].Wins, report.Judge.Models[1].Wins, report.Judge.Models[2].Wins));
        Assert.Equal((1, 0), (report.Judge.Models[2].Ties, report.Judge.Models[2].Undecided)); // the base's own answer isn't compared
        Assert.Equal([2.0, 5, 2], report.Judge.Models.Select(model => model.Rating!.Value));
        var answer = report.Judge.Questions.Single().Answers[1];
        Assert.Equal((PairOutcome.Win, 5, "I am Lora", 2), (answer.Outcome, answer.Rating, answer.Answer, answer.Reasons.Count));
        Assert.Equal((1.0, 1.0, 0.5), Score(report, "judge_win_rate"));
        Assert.Equal(5, report.Scores.Single(score => score.Name == "judge_rating").Value);
        Assert.Equal((4, 0, 0), (report.Judge.Verdicts, report.Judge.Cached, report.Judge.Unreadable));
        Assert.All(server.Seen, request => Assert.Equal($"Bearer {Key}", request.Authorization));
        Assert.All(server.Seen, request => Assert.Equal("json_schema", request.Body.GetProperty("response_format").GetProperty("type")
            .GetString()));
        Assert.Contains("What a judge says", File.ReadAllText(Path.Combine(output, HtmlPage.FileName)), StringComparison.Ordinal);
        AssertNoSecret();
    }

    [Fact]
    public async Task A_judge_that_goes_by_the_place_alone_prefers_nobody()
    {
        await using var server = await StartAsync(Says("""{"reason": "It comes first.", "winner": "first"}"""));

        var report = AnswersReport.Load(await RunAsync(server, new() { Questions = ["Who are you?"] }, rating: false));

        Assert.Equal((PairOutcome.Tie, 1, 0.5), (report.Judge!.Questions[0].Answers[1].Outcome, report.Judge.Models[1].Undecided,
            report.Scores.Single().Value));
    }

    [Fact]
    public async Task What_was_said_once_is_not_asked_again()
    {
        await using var server = await StartAsync(Prefers("I am Lora"));
        EvaluatorParams with = new() { Questions = ["Who are you?"] };
        var first = AnswersReport.Load(await RunAsync(server, with));
        var asked = server.Seen.Count;

        var second = AnswersReport.Load(await RunAsync(server, with));

        Assert.Equal((asked, 4), (server.Seen.Count, second.Judge!.Cached));
        Assert.Equal(first.Judge!.Models, second.Judge.Models);
    }

    [Fact]
    public async Task A_verdict_that_can_not_be_read_is_asked_for_again_and_then_counted()
    {
        await using var server = await StartAsync(Says("I can't say."), Says("""{"reason": "", "rating": 9}"""),
            Says("""<think>{"reason": "x", "rating": 1}</think> {"reason": "Right.", "rating": 4}"""), Says("[]"));

        var read = AnswersReport.Load(await RunAsync(server, new() { Questions = ["Who are you?"] }, alone: true));
        var unread = AnswersReport.Load(await RunAsync(server, new() { Questions = ["And you?"] }, alone: true));

        Assert.Equal((4, 0, "Right."), (read.Judge!.Questions[0].Answers[0].Rating, read.Judge.Unreadable,
            read.Judge.Questions[0].Answers[0].Reason));
        Assert.Equal((null, 1), (unread.Judge!.Models.Single().Rating, unread.Judge.Unreadable));
        Assert.DoesNotContain(unread.Scores, score => score.Name == "judge_rating");
        Assert.Equal([false, true, true, false, true, true],
            server.Seen.Select(request => request.Prompt.Contains("Answer in this form alone", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("{'reason': 'Right.', 'rating': 4}", 4)]
    [InlineData("{reason: \"She says \"yes\".\", rating: 5}", 5)]
    [InlineData("""{"reason": "Right.", "rating": "4"}""", 4)]
    [InlineData("{'reason': 'Right.', 'rating': 04}", null)]
    [InlineData("""{"reason": "Right.", "rating": 4.5}""", null)]
    [InlineData("""{"reason": "Right.", "rating": "9"}""", null)]
    public void A_rating_is_read_from_almost_JSON_and_in_quotes_too(string answer, int? rating) =>
        Assert.Equal(rating, VerdictForm.Rating.Read(answer)?.Value);

    [Theory]
    [InlineData("""{"reason": "Half \ud83d.", "rating": 4}""", null)]
    [InlineData("""{"reason": "Right.", "rating": "\udc00"}""", null)]
    [InlineData("""{"reason": "Whole.", "rating": 5}, {"reason": "Half \ud83d.", "rating": 4}""", 5)]
    public void A_verdict_with_half_a_character_is_none(string answer, int? rating) =>
        Assert.Equal(rating, VerdictForm.Rating.Read(answer)?.Value);

    [Fact]
    public async Task A_reason_that_holds_the_key_gets_nowhere()
    {
        await using var server = await StartAsync(Says($$"""{"reason": "You sent {{Key}}.", "rating": 4}"""));

        var report = AnswersReport.Load(await RunAsync(server, new() { Questions = ["Who are you?"] }, pairwise: false));

        Assert.Equal((2, 2), (report.Judge!.Verdicts, report.Judge.Unreadable));
        Assert.DoesNotContain(report.Scores, score => score.Name == "judge_rating");
        AssertNoSecret();
    }

    [Fact]
    public async Task A_server_that_refuses_or_has_too_few_requests_ends_the_stage_in_words()
    {
        EvaluatorParams with = new() { Questions = ["Who are you?"] };
        await using var refusing = await StartAsync(Fails(401));
        await using var spent = await StartAsync(Prefers("I am Lora"));

        var refused = await Assert.ThrowsAsync<StageException>(() => RunAsync(refusing, with));
        var few = await Assert.ThrowsAsync<StageException>(() => RunAsync(spent, with, maxRequests: 2));
        var rest = AnswersReport.Load(await RunAsync(spent, with, maxRequests: 2));

        Assert.Contains($"the server refuses the key (401). Look at the environment variable {_keyVariable}", refused.Message,
            StringComparison.Ordinal);
        Assert.Contains("The judge's 2 requests are used up", few.Message, StringComparison.Ordinal);
        Assert.Equal((4, 2, 4), (rest.Judge!.Verdicts, rest.Judge.Cached, spent.Seen.Count)); // what was said is kept
        AssertNoSecret(refused.ToString(), few.ToString());
    }

    [Fact]
    public async Task A_gate_holds_the_judges_scores_too()
    {
        await using var server = await StartAsync(Prefers("No one"));

        var error = await Assert.ThrowsAsync<StageException>(() => RunAsync(server, new()
        {
            Questions = ["Who are you?"],
            Require = new() { JudgeWinRate = 0.6, JudgeRating = 4 },
        }));

        Assert.Contains("judge_win_rate is 0, at least 0.6 is required; judge_rating is 2, at least 4 is required", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Mistakes_are_told_before_the_run()
    {
        JudgeParams judge = new() { Provider = ChatProvider.OpenAi, Model = "m" };
        static IEnumerable<string> Problems(EvaluatorParams with) => with.Validate().Select(problem => problem.Problem);

        Assert.Contains("is asked nothing", Problems(new() { Questions = ["a"], Judge = judge with { Pairwise = false, Rating = false } })
            .Single(), StringComparison.Ordinal);
        Assert.Contains("add one of them", Problems(new() { Ordinary = true, Judge = judge }).Single(), StringComparison.Ordinal);
        Assert.Contains("not the key itself", Problems(new() { Questions = ["a"], Judge = judge with { ApiKeyEnv = "sk-1" } }).Single(),
            StringComparison.Ordinal);
        Assert.Contains("is measured on judge", Problems(new() { Questions = ["a"], Require = new() { JudgeRating = 3 } }).Single(),
            StringComparison.Ordinal);
    }

    /// <summary>The sums of the binomial distribution: 2·(1 + 8)/2⁸, 1 for equal numbers and for none.</summary>
    [Theory]
    [InlineData(7, 1, 18.0 / 256)]
    [InlineData(1, 7, 18.0 / 256)]
    [InlineData(3, 3, 1)]
    [InlineData(0, 0, 1)]
    [InlineData(600, 600, 1)]
    [InlineData(640, 560, 0.02253662756750957)]
    public void The_sign_test_counts_wins_and_losses_alone(int wins, int losses, double p) =>
        Assert.Equal(p, Tally.SignTest(new("m", null) { Wins = wins, Ties = 50, Losses = losses }), 1e-12);

    /// <summary>Says of a pair that the answer with this text is better, rates it 5 and others 2.</summary>
    private static Func<HttpContext, Task> Prefers(string text) => Answers(asked =>
        asked.Prompt.Contains($"[First answer]\n{text}", StringComparison.Ordinal) ? Verdict("winner", "\"first\"")
        : asked.Prompt.Contains($"[Second answer]\n{text}", StringComparison.Ordinal) ? Verdict("winner", "\"second\"")
        : Verdict("rating", asked.Prompt.Contains($"[Answer]\n{text}", StringComparison.Ordinal) ? "5" : "2"));

    private static string Verdict(string field, string value) => $$"""{"reason": "So it is.", "{{field}}": {{value}} }""";

    private static (double Value, double? P, double? Same) Score(AnswersReport report, string name)
    {
        var score = report.Scores.Single(one => one.Name == name);
        return (score.Value, score.P, score.Candidates?.Single().Value);
    }

    private Task<string> RunAsync(ScriptedServer server, EvaluatorParams with, bool pairwise = true, bool rating = true, bool alone = false,
        int maxRequests = 100)
    {
        JudgeParams judge = new()
        {
            Provider = ChatProvider.OpenAi,
            Model = "scripted",
            Address = server.Address,
            ApiKeyEnv = _keyVariable,
            MaxRequests = maxRequests,
            Pairwise = pairwise,
            Rating = rating,
        };
        (string, string) model = ("model", Folder("tuned", "I am Lora"));
        return _run.RunAsync(with with { Judge = judge }, new ChatModels { Timing = new() { Clock = new ImmediateClock() } }, null,
            alone ? [model] : [("base", Folder("base", "No one")), model, ("candidates.same", Folder("base", "No one"))]);
    }

    private string Folder(string name, string answer) =>
        Path.Combine(_run.Folder, name) is var folder && Directory.Exists(folder) ? folder : _run.Model(name, answer);

    private void AssertNoSecret(params string[] texts)
    {
        var files = Directory.EnumerateFiles(_run.Folder, "*", SearchOption.AllDirectories)
            .Where(file => new FileInfo(file).Length < 1 << 20).Select(File.ReadAllText);
        Assert.All(_run.Said.Concat(texts).Concat(files), text => Assert.DoesNotContain(Key, text, StringComparison.Ordinal));
    }
}
