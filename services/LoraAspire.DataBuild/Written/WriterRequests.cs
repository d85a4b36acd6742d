using System.Globalization;
using System.ClientModel;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.AI;
using Polly;
using Polly.Retry;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// Requests to one chat model, until the run's budget is spent. Each HTTP try counts. Faults that may pass are tried again, with growing
/// delays.
/// </summary>
internal sealed class WriterRequests(IChatClient client, WriterParams with, string? key, WriterTiming timing, Action<string> say)
{
    /// <summary>So many tries in a row fail before the run does: the server isn't coming back.</summary>
    private const int TriesInARow = 8;

    /// <summary>High enough that asking again gives other items; part of the cache's digest.</summary>
    public const float Temperature = 0.8f;

    /// <summary>
    /// What not every model or server takes, and the words by which it says so. Without a temperature items may repeat; without a schema
    /// the answer is read as it comes.
    /// </summary>
    private static readonly (string Name, string[] Words)[] Optional =
        [("temperature", ["temperature"]), (Schema, ["response_format", "response format", "schema", "structured output"])];

    private const string Schema = "schema for its answer";

    private readonly HashSet<string> _refused = [];
    private int _sent;

    /// <summary>Tries so far.</summary>
    public int Sent => _sent;

    /// <summary>The model's answer, or null when the budget ended before there was one.</summary>
    /// <exception cref="StageException">The request is refused, or fails again and again.</exception>
    public async Task<ChatResponse?> AskAsync(Assignment assignment, string ask, CancellationToken cancellationToken)
    {
        var pipeline = new ResiliencePipelineBuilder<(ChatResponse? Response, WriterFault? Fault)> { TimeProvider = timing.Clock }
            .AddRetry(new RetryStrategyOptions<(ChatResponse? Response, WriterFault? Fault)>
        {
            MaxRetryAttempts = TriesInARow - 1,
            ShouldHandle = outcome =>
                ValueTask.FromResult(outcome.Outcome.Result.Fault is { Final: false } fault && _sent < with.MaxRequests && !TooLong(fault)),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = timing.FirstDelay,
            MaxDelay = timing.LongestDelay,
            // The larger of both: a server that says 0 is not to be asked without a pause.
            DelayGenerator = outcome => ValueTask.FromResult(
                outcome.Outcome.Result.Fault!.RetryAfter is { } asked && asked >= Backoff(outcome.AttemptNumber) ? asked : (TimeSpan?)null),
            OnRetry = outcome =>
            {
                say(string.Create(CultureInfo.InvariantCulture,
                    $"writer: request {_sent} failed: {outcome.Outcome.Result.Fault!.Words}; again "
                    + $"in {outcome.RetryDelay.TotalSeconds:0.#} s"));
                return default;
            },
        }).Build();
        var (response, fault) = await pipeline.ExecuteAsync(async token => await TryAsync(assignment, ask, token), cancellationToken);
        if (fault is null)
        {
            return response;
        }
        if (TooLong(fault))
        {
            throw new StageException(
                $"The chat model '{with.Model}' can't be asked: {fault.Words}, and asks to "
                    + $"wait {(fault.RetryAfter > TimeSpan.FromDays(1) ? "more than a day" : FormattableString.Invariant($"{fault.RetryAfter!.Value.TotalMinutes:0} minutes"))}. Run again later: what was accepted so far is kept.", transient: true);
        }
        if (!fault.Final && _sent >= with.MaxRequests)
        {
            say($"writer: request {_sent} failed: {fault.Words}");
            return null;
        }
        throw new StageException($"The chat model '{with.Model}' can't be asked: {fault.Words}. What was accepted so far is kept for the "
            + "next run.", transient: !fault.Final);
    }

    public bool Spent => _sent >= with.MaxRequests;

    private TimeSpan Backoff(int attempt) =>
        TimeSpan.FromTicks(Math.Min(timing.LongestDelay.Ticks, timing.FirstDelay.Ticks << Math.Min(attempt, 20)));

    private bool TooLong(WriterFault fault) => fault.RetryAfter > timing.LongestRetryAfter;

    private async Task<(ChatResponse? Response, WriterFault? Fault)> TryAsync(
        Assignment assignment, string ask, CancellationToken cancellationToken)
    {
        _sent++;
        var bySchema = !_refused.Contains(Schema);
        ChatMessage[] messages = [new(ChatRole.System, assignment.System(bySchema)), new(ChatRole.User, assignment.Task + "\n" + ask)];
        ChatOptions options = new()
        {
            Temperature = _refused.Contains("temperature") ? null : Temperature,
            ResponseFormat = bySchema ? assignment.Format : null,
        };
        string refused;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(timing.Answer);
        try
        {
            return (await client.GetResponseAsync(messages, options, patience.Token), null);
        }
        catch (ClientResultException error) when (error.Status is 400 or 422
            && Optional.FirstOrDefault(option => !_refused.Contains(option.Name)
                && option.Words.Any(word => WriterFault.Names(error, word))) is { Name: { } name })
        {
            refused = name;
            _refused.Add(name);
            say($"writer: request {_sent} failed: the model takes no {name}; it is asked without one from now on");
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested
            && WriterFault.Of(error, with.Model, with.ApiKeyEnv, key, timing.Clock.GetUtcNow()) is { } fault)
        {
            return (null, fault);
        }
        return Spent ? (null, new($"the model takes no {refused}")) : await TryAsync(assignment, ask, cancellationToken);
    }
}
