namespace LoraAspire.Chat.Requests;

/// <summary>What a caller should know of an answer: fields without effect, a model that is asked in a way that isn't its own.</summary>
public static class WarningHeader
{
    public const string Name = "Lora-Warning";

    private const int Longest = 400;

    /// <summary>One header line for each. Letters that a header can't carry become question marks.</summary>
    public static void Warn(this HttpResponse response, params IEnumerable<string> warnings)
    {
        foreach (var warning in response.HasStarted ? [] : warnings)
        {
            var text = warning.Length <= Longest ? warning : warning[..Longest] + "...";
            response.Headers.Append(Name, string.Concat(text.Replace("…", "...", StringComparison.Ordinal)
                .Select(letter => letter is >= ' ' and <= '~' ? letter : '?')));
        }
    }
}
