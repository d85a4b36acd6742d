using System.Text;

namespace LoraAspire.Lab.ChatPages;

/// <summary>An answer while it is written: what came of it, when, and why it ended.</summary>
internal static class Writing
{
    /// <summary>Between two looks at what came: a page is drawn no more often.</summary>
    private static readonly TimeSpan s_frame = TimeSpan.FromMilliseconds(100);

    /// <param name="log">Gets what nobody foresaw.</param>
    /// <param name="show">Takes the answer as far as it has come.</param>
    /// <param name="stop">Ends it; what came stays.</param>
    /// <returns>The whole answer. What goes wrong stands in it.</returns>
    public static async Task<Answer> RunAsync(ChatApi api, TimeProvider clock, ILogger log, string model, IReadOnlyList<Said> said,
        Sampling sampling, Action<Answer> show, CancellationToken stop)
    {
        var (began, shown) = (clock.GetTimestamp(), clock.GetTimestamp());
        StringBuilder text = new();
        Answer answer = new(model);
        try
        {
            await foreach (var piece in api.StreamAsync(model, said, sampling, stop))
            {
                text.Append(piece.Text);
                answer = answer with
                {
                    FirstAfter = answer.FirstAfter ?? (piece.Text.Length > 0 ? Seconds(began) : null),
                    Finish = piece.Finish ?? answer.Finish,
                    PromptTokens = piece.PromptTokens ?? answer.PromptTokens,
                    Tokens = piece.Tokens ?? answer.Tokens,
                };
                if (clock.GetElapsedTime(shown) >= s_frame)
                {
                    show(answer with { Text = text.ToString() });
                    shown = clock.GetTimestamp();
                }
            }
        }
        // A connection that is cut by the stop ends in more ways than one.
        catch (Exception ended) when (stop.IsCancellationRequested && ChatFaults.Of(ended, begun: true) is not null)
        {
            answer = answer with { Finish = Answer.Stopped };
        }
        catch (ChatTroubleException told)
        {
            answer = answer with { Trouble = told.Trouble };
        }
        catch (Exception fault)
        {
            // Ours: it ends this answer, not the page.
            log.LogError(fault, "An answer of {Model} couldn't be written", model);
            answer = answer with { Trouble = new(TroubleKind.Failed) };
        }
        return (answer.Finish is null && answer.Trouble is null ? answer with { Trouble = new(TroubleKind.Cut) } : answer)
            with
        { Text = text.ToString(), Took = Seconds(began) };

        double Seconds(long since) => Math.Round(clock.GetElapsedTime(since).TotalSeconds, 3);
    }
}
