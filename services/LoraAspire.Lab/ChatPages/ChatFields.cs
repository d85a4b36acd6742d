using OpenAI.Chat;

namespace LoraAspire.Lab.ChatPages;

/// <summary>What is asked and answered, in the types of OpenAI's client.</summary>
internal static class ChatFields
{
    public static ChatMessage Message(Said said) => said.Role switch
    {
        Said.System => new SystemChatMessage(said.Content),
        Said.Assistant => new AssistantChatMessage(said.Content),
        _ => new UserChatMessage(said.Content),
    };

    public static AnswerPiece Piece(StreamingChatCompletionUpdate piece) =>
        new(string.Concat(piece.ContentUpdate.Select(part => part.Text)), Finish(piece.FinishReason), piece.Usage?.InputTokenCount,
            piece.Usage?.OutputTokenCount);

    public static ChatCompletionOptions Options(Sampling sampling)
    {
        ChatCompletionOptions options = new()
        {
            Temperature = (float?)sampling.Temperature,
            TopP = (float?)sampling.TopP,
            MaxOutputTokenCount = sampling.MaxTokens,
#pragma warning disable OPENAI001 // the client marks Seed as experimental
            Seed = sampling.Seed,
#pragma warning restore OPENAI001
        };
#pragma warning disable SCME0001 // and fields that OpenAI's own API doesn't have
        if (sampling.TopK is { } topK)
        {
            options.Patch.Set("$.top_k"u8, topK);
        }
        if (sampling.RepetitionPenalty is { } penalty)
        {
            options.Patch.Set("$.repetition_penalty"u8, penalty);
        }
#pragma warning restore SCME0001
        return options;
    }

    private static string? Finish(ChatFinishReason? reason) => reason switch
    {
        null => null,
        ChatFinishReason.Stop => "stop",
        ChatFinishReason.Length => "length",
        { } other => other.ToString().ToLowerInvariant(),
    };
}
