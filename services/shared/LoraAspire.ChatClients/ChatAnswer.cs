using LoraAspire.ChatClients.Parsing;
using Microsoft.Extensions.AI;

namespace LoraAspire.ChatClients;

/// <summary>What a model said, without what it said to itself before.</summary>
/// <param name="IsCutOff">It goes on: the model had to stop before it had finished, or said more than is read.</param>
internal sealed record ChatAnswer(string Text, bool IsCutOff)
{
    private const int Longest = 200_000;

    public static ChatAnswer Of(ChatResponse response)
    {
        var text = ReadAnswer.WithoutThinking(response.Text);
        if (text.Length <= Longest)
        {
            return new(text, response.FinishReason == ChatFinishReason.Length);
        }
        // Not within a character.
        return new(text[..(char.IsHighSurrogate(text[Longest - 1]) ? Longest - 1 : Longest)], IsCutOff: true);
    }
}
