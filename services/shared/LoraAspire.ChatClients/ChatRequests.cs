using System.ClientModel;
using System.Collections.Concurrent;
using System.Globalization;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.AI;
using Polly;
using Polly.Retry;

namespace LoraAspire.ChatClients;

/// <summary>
/// Requests to one chat model, from several threads if they like, until the run's budget is spent. Each HTTP try counts. Faults that may
/// pass are tried again, with growing delays.
/// </summary>
internal sealed class ChatRequests(IChatClient client, ChatModelParams with, ChatUse use, string? key, float temperature,
    ChatTiming timing, Action<string> say)
{
    /// <summary>So many tries in a row fail before the run does: the server isn't coming back.</summary>
    private const int TriesInARow = 8;

    private const string OwnTemperature = "temperature", Schema = "schema for its answer";

    /// <summary>
    /// What not every model or server takes, and the words by which it says so. Without a temperature items may repeat; without a schema
    /// the answer is read as it comes.
    /// </summary>
    private static readonly (string Name, string[] Words)[] Optional =
        [(OwnTemperature, ["temperature"]), (Schema, ["response_format", "response format", "schema", "structured output"])];

    private readonly ConcurrentDictionary<string, bool> _refused = [];
    private int _sent;

    /// <summary>Tries so far.</summary>
    public int Sent => Volatile.Read(ref _sent);

    private bool Spent => Sent >= with.MaxRequests;

    /// <param name="Number">Of the request.</param>
    /// <param name="Response">Null beside a fault, and where nothing was left to ask with.</param>
    private readonly record struct Try(int Number, ChatResponse? Response, ChatFault? Fault = null);

    /// <summary>The model's answer, or null when the budget ended before there was one.</summary>
    /// <exception cref="StageException">The request is refused, or fails again and again.</exception>
    public async Task<ChatAnswer?> AskAsync(ChatAsk ask, CancellationToken cancellationToken)
    {
        if (Spent)
        {
            return null;
        }
        RetryStrategyOptions<Try> retry = new()
        {
            MaxRetryAttempts = TriesInARow - 1,
            ShouldHandle = tried => new(tried.Outcome.Result.Fault is { Final: false } fault && !Spent && !TooLong(fault)),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = timing.FirstDelay,
            MaxDelay = timing.LongestDelay,
            // The larger of both: a server that says 0 is not to be asked without a pause.
            DelayGenerator = tried => new(tried.Outcome.Result.Fault!.RetryAfter is { } asked && asked >= TimeSpan.FromTicks(
                Math.Min(timing.LongestDelay.Ticks, timing.FirstDelay.Ticks << Math.Min(tried.AttemptNumber, 20))) ? asked : null),
            OnRetry = tried =>
            {
                say(string.Create(CultureInfo.InvariantCulture, $"{use.Role}: request {tried.Outcome.Result.Number} failed: "
                    + $"{tried.Outcome.Result.Fault!.Words}; again in {tried.RetryDelay.TotalSeconds:0.#} s"));
                return default;
            },
        };
        var pipeline = new ResiliencePipelineBuilder<Try> { TimeProvider = timing.Clock }.AddRetry(retry).Build();
        var (number, response, fault) = await pipeline.ExecuteAsync(async token => await TryAsync(ask, token), cancellationToken);
        if (fault is null)
        {
            return response is null ? null : ChatAnswer.Of(response);
        }
        if (fault is { Final: false } && Spent && !TooLong(fault))
        {
            say($"{use.Role}: request {number} failed: {fault.Words}");
            return null;
        }
        var wait = fault.RetryAfter > TimeSpan.FromDays(1) ? "more than a day"
            : FormattableString.Invariant($"{fault.RetryAfter?.TotalMinutes:0} minutes");
        throw new StageException($"The chat model '{with.Model}' can't be asked: {fault.Words}" + (TooLong(fault)
            ? $", and asks to wait {wait}. Run again later: what was accepted so far is kept."
            : ". What was accepted so far is kept for the next run."), transient: !fault.Final);
    }

    private bool TooLong(ChatFault fault) => fault.RetryAfter > timing.LongestRetryAfter;

    private async Task<Try> TryAsync(ChatAsk ask, CancellationToken cancellationToken)
    {
        var number = Interlocked.Increment(ref _sent);
        if (number > with.MaxRequests)
        {
            Interlocked.Decrement(ref _sent); // another of several at once had the last one
            return default;
        }
        var (bySchema, byTemperature) = (!_refused.ContainsKey(Schema), !_refused.ContainsKey(OwnTemperature));
        ChatMessage[] messages = [new(ChatRole.System, ask.System(bySchema)), new(ChatRole.User, ask.Task)];
        ChatOptions options = new()
        {
            Temperature = byTemperature ? temperature : null,
            ResponseFormat = bySchema ? ask.Format : null,
        };
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(timing.Answer);
        try
        {
            return new(number, await client.GetResponseAsync(messages, options, patience.Token));
        }
        catch (ClientResultException error) when (error.Status is 400 or 422
            && Optional.FirstOrDefault(option => option.Words.Any(word => ChatFault.Names(error, word))
                && (option.Name == Schema ? bySchema : byTemperature)) is { Name: { } name })
        {
            _refused[name] = true;
            say($"{use.Role}: request {number} failed: the model takes no {name}; it is asked without one from now on");
            return await TryAsync(ask, cancellationToken);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested
            && ChatFault.Of(error, with.Model, with.ApiKeyEnv, key, use, timing.Clock.GetUtcNow()) is { } fault)
        {
            return new(number, null, fault);
        }
    }
}

/// <summary>One request.</summary>
/// <param name="System">Whether the server holds the model to <paramref name="Format"/> → what it is told beforehand.</param>
/// <param name="Format">The JSON schema that the answer is asked to follow, where the server can hold a model to one.</param>
internal sealed record ChatAsk(Func<bool, string> System, string Task, ChatResponseFormat Format);

/// <summary>How long to wait for what.</summary>
internal sealed record ChatTiming
{
    /// <summary>A model on a CPU may need minutes.</summary>
    public TimeSpan Answer { get; init; } = TimeSpan.FromMinutes(10);

    public TimeSpan FirstDelay { get; } = TimeSpan.FromSeconds(1);

    public TimeSpan LongestDelay { get; } = TimeSpan.FromSeconds(30);

    /// <summary>A server that asks for more isn't waited for.</summary>
    public TimeSpan LongestRetryAfter { get; } = TimeSpan.FromMinutes(2);

    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
