using LoraAspire.Pipelines.Terminal;

namespace LoraAspire.Chat.Models;

/// <summary>How long a model stays in memory after its last request.</summary>
/// <param name="Value">Null: for ever.</param>
public sealed record IdleTime(TimeSpan? Value)
{
    public const string Variable = "LORA_CHAT_IDLE";

    private static readonly IdleTime s_usual = new(TimeSpan.FromMinutes(15));
    /// <summary>What a timer takes.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(49);

    /// <summary>Of <c>LORA_CHAT_IDLE</c>: 90s, 15m, 2h; 0 unloads nothing.</summary>
    /// <exception cref="FormatException">It is no such time; the message says what is.</exception>
    public static IdleTime From(IConfiguration configuration)
    {
        if (configuration[Variable] is not { Length: > 0 } text)
        {
            return s_usual;
        }
        var seconds = text == "0" ? 0 : Duration.Seconds(text);
        return seconds == 0 ? new((TimeSpan?)null)
            : seconds >= 1 && seconds <= s_longest.TotalSeconds ? new(TimeSpan.FromSeconds(seconds))
            : throw new FormatException($"{Variable} is a number with its unit, from 1s to {s_longest.TotalDays:0}d, such as 90s, 15m or "
                + $"2h; 0 unloads no model. It is '{TerminalText.Clean(text)}'.");
    }
}
