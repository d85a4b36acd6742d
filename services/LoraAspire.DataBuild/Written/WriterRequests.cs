using System.Globalization;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using Polly;
using Polly.Retry;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// Requests to one chat model, until the run's budget is spent. Each HTTP try counts. Faults that may pass are tried again, with growing
/// delays.
/// </summary>
internal sealed class WriterRequests(HttpClient client, WriterParams with, string? key, WriterTiming timing, Action<string> say)
{
    /// <summary>So many tries in a row fail before the run does: the server isn't coming back.</summary>
    private const int TriesInARow = 8;

    /// <summary>High enough that asking again gives other items; part of the cache's digest.</summary>
    public const float Temperature = 0.8f;

    private const string OwnTemperature = "temperature", Schema = "schema for its answer";

    /// <summary>
    /// What not every model or server takes, and the words by which it says so. Without a temperature items may repeat; without a schema
    /// the answer is read as it comes.
    /// </summary>
    private static readonly (string Name, string[] Words)[] Optional =
        [(OwnTemperature, ["temperature"]), (Schema, ["response_format", "response format", "schema", "structured output"])];

    private readonly HashSet<string> _refused = [];

    /// <summary>Tries so far.</summary>
    public int Sent { get; private set; }

    public bool Spent => Sent >= with.MaxRequests;

    private readonly record struct Try(ChatAnswer? Answer, WriterFault? Fault = null);

    /// <summary>The model's answer, or null when the budget ended before there was one.</summary>
    /// <exception cref="StageException">The request is refused, or fails again and again.</exception>
    public async Task<ChatAnswer?> AskAsync(Assignment assignment, string ask, CancellationToken cancellationToken)
    {
        RetryStrategyOptions<Try> retry = new()
        {
            MaxRetryAttempts = TriesInARow - 1,
            ShouldHandle = tried => new(tried.Outcome.Result.Fault is { Final: false } fault && !Spent && !TooLong(fault)),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = WriterTiming.FirstDelay,
            MaxDelay = WriterTiming.LongestDelay,
            // The larger of both: a server that says 0 is not to be asked without a pause.
            DelayGenerator = tried => new(tried.Outcome.Result.Fault!.RetryAfter is { } asked && asked >= TimeSpan.FromTicks(Math.Min(
                WriterTiming.LongestDelay.Ticks, WriterTiming.FirstDelay.Ticks << Math.Min(tried.AttemptNumber, 20))) ? asked : null),
            OnRetry = tried =>
            {
                say(string.Create(CultureInfo.InvariantCulture, $"writer: request {Sent} failed: {tried.Outcome.Result.Fault!.Words}; "
                    + $"again in {tried.RetryDelay.TotalSeconds:0.#} s"));
                return default;
            },
        };
        var pipeline = new ResiliencePipelineBuilder<Try> { TimeProvider = timing.Clock }.AddRetry(retry).Build();
        var (answer, fault) = await pipeline.ExecuteAsync(async token => await TryAsync(assignment, ask, token), cancellationToken);
        if (fault is { Final: false } && Spent && !TooLong(fault))
        {
            say($"writer: request {Sent} failed: {fault.Words}");
        }
        else if (fault is not null)
        {
            var wait = fault.RetryAfter > TimeSpan.FromDays(1) ? "more than a day"
                : FormattableString.Invariant($"{fault.RetryAfter?.TotalMinutes:0} minutes");
            throw new StageException($"The chat model '{with.Model}' can't be asked: {fault.Words}" + (TooLong(fault)
                ? $", and asks to wait {wait}. Run again later: what was accepted so far is kept."
                : ". What was accepted so far is kept for the next run."), transient: !fault.Final);
        }
        return answer;
    }

    private static bool TooLong(WriterFault fault) => fault.RetryAfter > WriterTiming.LongestRetryAfter;

    private async Task<Try> TryAsync(Assignment assignment, string ask, CancellationToken cancellationToken)
    {
        Sent++;
        var bySchema = !_refused.Contains(Schema);
        Dictionary<string, object> body = new()
        {
            ["model"] = with.Model,
            ["messages"] = new[]
            {
                new { role = "system", content = assignment.System(bySchema) },
                new { role = "user", content = assignment.Task + "\n" + ask },
            },
        };
        if (!_refused.Contains(OwnTemperature))
        {
            body["temperature"] = Temperature;
        }
        if (bySchema)
        {
            body["response_format"] =
                new { type = "json_schema", json_schema = new { name = "items", schema = assignment.Schema, strict = true } };
        }
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(timing.Answer);
        try
        {
            using var response = await client.PostAsJsonAsync("chat/completions", body, patience.Token);
            var answer = await response.Content.ReadAsByteArrayAsync(patience.Token);
            if (response.IsSuccessStatusCode)
            {
                return ChatAnswer.Of(answer) is { } said ? new(said) : new(null, new("the answer is not a chat completion"));
            }
            var (status, words) = ((int)response.StatusCode, ChatAnswer.ErrorIn(answer));
            if (status is not (400 or 422) || Optional.FirstOrDefault(option => !_refused.Contains(option.Name)
                && option.Words.Any(word => words.Contains(word, StringComparison.OrdinalIgnoreCase))) is not { Name: { } name })
            {
                return new(null, WriterFault.Of(status, words,
                    WriterFault.After(response.Headers.RetryAfter, timing.Clock.GetUtcNow()), with, key));
            }
            _refused.Add(name);
            say($"writer: request {Sent} failed: the model takes no {name}; it is asked without one from now on");
            return Spent ? new(null, new($"the model takes no {name}")) : await TryAsync(assignment, ask, cancellationToken);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested && WriterFault.Of(error) is { } fault)
        {
            return new(null, fault);
        }
    }
}

/// <summary>How long the writer waits for what.</summary>
internal sealed record WriterTiming
{
    public static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1), LongestDelay = TimeSpan.FromSeconds(30);

    /// <summary>A server that asks for more isn't waited for.</summary>
    public static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(2);

    /// <summary>A model on a CPU may need minutes.</summary>
    public TimeSpan Answer { get; init; } = TimeSpan.FromMinutes(10);

    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
