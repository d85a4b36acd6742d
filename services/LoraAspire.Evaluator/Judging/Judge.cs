using LoraAspire.ChatClients;
using LoraAspire.Evaluator.Asking;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Evaluator.Judging;

/// <summary>
/// Has a chat model say how good answers are. What it said once of the same words comes from the cache, and then nothing is sent.
/// </summary>
internal sealed class Judge : IDisposable
{
    internal static readonly ChatUse Use = new("judge", StageKinds.Evaluator.Name);

    /// <summary>Requests in work together: a server of one's own answers several at once, and a provider's limit isn't met.</summary>
    private const int AtOnce = 4;

    /// <summary>A verdict that can't be read is asked for again; after so many it is given up and counted.</summary>
    private const int Tries = 3;

    /// <summary>The same words get the same verdict, as far as the server's arithmetic allows.</summary>
    private const float Temperature = 0;

    private readonly JudgeParams _with;
    private readonly ChatSession _session;
    private readonly IProgress<StageProgress> _report;
    private int _cached, _unreadable, _done;
    private volatile bool _isSpent;

    /// <exception cref="StageException">A key is missing, or would travel in clear text.</exception>
    public Judge(JudgeParams with, ChatModels chats, StageContext<EvaluatorParams> context)
    {
        (_with, _report) = (with, context.Report);
        _session = new(with, Use, Temperature, chats, Path.Combine(context.CacheDir, "judged"), context.Say);
    }

    /// <summary>The report with what the judge says of its first questions and held-out records.</summary>
    /// <exception cref="StageException">The requests are used up, or the model can't be asked.</exception>
    public async Task<AnswersReport> WithVerdictsAsync(AnswersReport report, CancellationToken cancellationToken)
    {
        var hasBase = report.Questions.Any(row => row.Base is not null) || report.HeldOut.Any(row => row.Base is not null);
        List<JudgedRow> rows = [.. report.Questions.Select(JudgedRow.Of).Concat(report.HeldOut.Select(JudgedRow.Of)).Take(_with.Questions)];
        List<Ask> asks = [.. rows.SelectMany((row, at) => row.Asks(at, _with, hasBase))];
        // Two models may say the same of a question.
        var distinct = asks.GroupBy(ask => (ask.Form.Field, ask.Task)).ToList();
        ParallelOptions some = new() { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(distinct, some, async (same, token) =>
        {
            var verdict = _isSpent ? null : await VerdictAsync(same.First(), token);
            if (verdict is null && _isSpent)
            {
                return;
            }
            foreach (var ask in same)
            {
                ask.Verdict = verdict;
            }
            _report.Report(new("verdicts", Interlocked.Increment(ref _done), distinct.Count));
        });
        if (_isSpent)
        {
            throw new StageException($"The judge's {_with.MaxRequests} requests are used up, and not all answers are judged. What it "
                + "said is kept: run again to go on from there, or raise judge.max_requests, or lower judge.questions.");
        }
        List<string> names = [.. hasBase ? [Contestant.Base] : Array.Empty<string>(), Contestant.Model, .. report.Candidates];
        Tally tally = new(names, rows, asks, hasBase);
        var judged = new JudgeReport(_with.Model, tally.Models, tally.Questions)
        {
            Verdicts = distinct.Count,
            Cached = _cached,
            Unreadable = _unreadable,
        };
        return report with { Judge = judged, Scores = [.. report.Scores, .. tally.Scores(_with)] };
    }

    public void Dispose() => _session.Dispose();

    private async Task<Verdict?> VerdictAsync(Ask ask, CancellationToken cancellationToken)
    {
        ChatAsk first = new(ask.Form.System, ask.Task, ask.Form.Format);
        var (digest, secret) = (_session.DigestOf(first), _session.SecretOf(first));
        if (await _session.Cache.ReadAsync<Verdict>(digest, cancellationToken) is [var known, ..])
        {
            Interlocked.Increment(ref _cached);
            return known;
        }
        for (var attempt = 1; attempt <= Tries; attempt++)
        {
            var again = first with { Task = $"{ask.Task}\n\nAnswer in this form alone: {ask.Form.Example}." };
            var answer = await _session.Requests.AskAsync(attempt == 1 ? first : again, cancellationToken);
            if (answer is null)
            {
                _isSpent = true; // what is under way still gets its verdict, and keeps it
                return null;
            }
            if (ask.Form.Read(answer.Text) is { } verdict && !secret.AreIn(verdict.Reason))
            {
                verdict = verdict with { Reason = VisibleText.Safe(verdict.Reason) };
                return (await _session.Cache.AddAsync(digest, [verdict], _ => "verdict", cancellationToken))[0];
            }
        }
        Interlocked.Increment(ref _unreadable);
        _session.Say($"judge: a verdict couldn't be read {Tries} times, and counts nowhere");
        return null;
    }
}
