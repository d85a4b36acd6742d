using System.ClientModel;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.AI;
using Polly;
using Polly.Retry;

namespace LoraAspire.DataBuild.Written;

/// <summary>Requests to one chat model, until the run's budget is spent. Each HTTP try counts. Faults that may pass are tried again, with growing delays.</summary>
internal sealed class WriterRequests(IChatClient client, WriterParams with, string? key, WriterTiming timing, Action<string> say)
{
    /// <summary>So many tries in a row fail before the run does: the server isn't coming back.</summary>
    private const int TriesInARow = 8;

    private int _sent;
    private bool _withoutTemperature;

    /// <summary>Tries so far.</summary>
    public int Sent => _sent;

    /// <summary>The model's answer, or null when the budget ended before there was one.</summary>
    /// <exception cref="StageException">The request is refused, or fails again and again.</exception>
    public async Task<ChatResponse?> AskAsync(string system, string user, CancellationToken cancellationToken)
    {
        var pipeline = new ResiliencePipelineBuilder<(ChatResponse? Response, WriterFault? Fault)> { TimeProvider = timing.Clock }.AddRetry(new RetryStrategyOptions<(ChatResponse? Response, WriterFault? Fault)>
        {
            MaxRetryAttempts = TriesInARow - 1,
            ShouldHandle = outcome => ValueTask.FromResult(outcome.Outcome.Result.Fault is { Final: false } fault && _sent < with.MaxRequests && !TooLong(fault)),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = timing.FirstDelay,
            MaxDelay = timing.LongestDelay,
            // The larger of both: a server that says 0 is not to be asked without a pause.
            DelayGenerator = outcome => ValueTask.FromResult(outcome.Outcome.Result.Fault!.RetryAfter is { } asked && asked >= Backoff(outcome.AttemptNumber) ? asked : (TimeSpan?)null),
            OnRetry = outcome =>
            {
                say(FormattableString.Invariant($"writer: request {_sent} failed: {outcome.Outcome.Result.Fault!.Words}; again in {outcome.RetryDelay.TotalSeconds:0.#} s"));
                return default;
            },
        }).Build();
        ChatMessage[] messages = [new(ChatRole.System, system), new(ChatRole.User, user)];
        var (response, fault) = await pipeline.ExecuteAsync(async token => await TryAsync(messages, token), cancellationToken);
        if (fault is null)
        {
            return response;
        }
        if (TooLong(fault))
        {
            throw new StageException($"The chat model '{with.Model}' can't be asked: {fault.Words}, and wants to be left alone for {(fault.RetryAfter > TimeSpan.FromDays(1) ? "more than a day" : FormattableString.Invariant($"{fault.RetryAfter!.Value.TotalMinutes:0} minutes"))}. Run again later: what was accepted so far is kept.", transient: true);
        }
        if (!fault.Final && _sent >= with.MaxRequests)
        {
            say($"writer: request {_sent} failed: {fault.Words}");
            return null;
        }
        throw new StageException($"The chat model '{with.Model}' can't be asked: {fault.Words}. What was accepted so far is kept for the next run.", transient: !fault.Final);
    }

    public bool Spent => _sent >= with.MaxRequests;

    private TimeSpan Backoff(int attempt) => TimeSpan.FromTicks(Math.Min(timing.LongestDelay.Ticks, timing.FirstDelay.Ticks << Math.Min(attempt, 20)));

    private bool TooLong(WriterFault fault) => fault.RetryAfter > timing.LongestRetryAfter;

    private async Task<(ChatResponse? Response, WriterFault? Fault)> TryAsync(ChatMessage[] messages, CancellationToken cancellationToken)
    {
        _sent++;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(timing.Answer);
        try
        {
            return (await client.GetResponseAsync(messages, new() { Temperature = _withoutTemperature ? null : WriterPrompt.Temperature }, patience.Token), null);
        }
        catch (ClientResultException error) when (error.Status == 400 && !_withoutTemperature && ServerWords.Name(error, "temperature"))
        {
            // Some models know but one. Items may repeat then, and are asked for again.
            _withoutTemperature = true;
            say($"writer: request {_sent} failed: the model takes no temperature; it is asked without one from now on");
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested && WriterFault.Of(error, with.Model, with.ApiKeyEnv, key, timing.Clock.GetUtcNow()) is { } fault)
        {
            return (null, fault);
        }
        return Spent ? (null, new("the model takes no temperature")) : await TryAsync(messages, cancellationToken);
    }
}
