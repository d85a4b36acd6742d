using System.ClientModel;
using System.Globalization;
using System.Text.Json;

namespace LoraAspire.Cli.Chat;

/// <summary>What the client throws of a server that is away, refuses, is late, or isn't a chat service at all.</summary>
internal static class ChatFault
{
    public static bool Is(Exception error) => error is ClientResultException or HttpRequestException or AggregateException or IOException
        or OperationCanceledException || IsForeign(error);

    /// <param name="waited">How long the answer was waited for.</param>
    public static string Words(Exception error, TimeSpan waited) => error.GetBaseException() switch
    {
        // Whose own wish it was has been looked at: what is left is the client's limit.
        OperationCanceledException => string.Create(CultureInfo.InvariantCulture, $"nothing came in {waited.TotalSeconds:0} s"),
        var foreign when IsForeign(foreign) => $"what came is no answer of OpenAI's API ({foreign.Message})",
        var other => other.Message,
    };

    /// <summary>Of a body in another form: HTML, half a frame, other keys.</summary>
    private static bool IsForeign(Exception error) => error is JsonException or FormatException or InvalidOperationException
        or ArgumentException or KeyNotFoundException or NotSupportedException;
}
