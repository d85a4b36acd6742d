using LoraAspire.Pipelines.Terminal;
using Microsoft.Extensions.Configuration;

namespace LoraAspire.Runtime.Hosting;

/// <summary>A worker that ends when there is nothing to do, for a cluster that starts one when there is.</summary>
/// <param name="Time">So long it waits for an order.</param>
/// <param name="End">Ends it.</param>
public sealed record UntilIdle(TimeSpan Time, Action End)
{
    public const string Variable = "LORA_UNTIL_IDLE";

    /// <summary>Of <c>LORA_UNTIL_IDLE</c>: 30s, 5m; null where it isn't set, and the worker waits for ever.</summary>
    /// <exception cref="FormatException">It is no such time; the message says what is.</exception>
    public static TimeSpan? TimeOf(IConfiguration configuration) => configuration[Variable] is not { Length: > 0 } text ? null
        // Whoever means longer means for ever.
        : Duration.OfVariable(Variable, text, days: 1, "30s or 5m");
}
