using LoraAspire.Pipelines.Terminal;

namespace LoraAspire.Chat.Models;

/// <summary>How long a model stays in memory after its last request.</summary>
/// <param name="Value">Null: for ever.</param>
public sealed record IdleTime(TimeSpan? Value)
{
    public const string Variable = "LORA_CHAT_IDLE";

    private static readonly IdleTime s_usual = new(TimeSpan.FromMinutes(15));

    /// <summary>What a timer takes.</summary>
    private const int LongestDays = 49;

    /// <summary>Of <c>LORA_CHAT_IDLE</c>: 90s, 15m, 2h; 0 unloads nothing.</summary>
    /// <exception cref="FormatException">It is no such time; the message says what is.</exception>
    public static IdleTime From(IConfiguration configuration) => configuration[Variable] is not { Length: > 0 } text ? s_usual
        : text == "0" || Duration.Seconds(text) == 0 ? new((TimeSpan?)null)
        : new(Duration.OfVariable(Variable, text, LongestDays, "90s, 15m or 2h; 0 unloads no model"));
}
