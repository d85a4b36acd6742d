using Microsoft.Extensions.AI;

namespace LoraAspire.Chat;

/// <summary>What a model of this machine can be asked for besides what every client knows.</summary>
public sealed class LocalChatOptions : ChatOptions
{
    public double? RepetitionPenalty { get; init; }
    public double? MinP { get; init; }
    public IReadOnlyDictionary<int, double> LogitBias { get; set; } = new Dictionary<int, double>();

    /// <summary>Null: without log probabilities.</summary>
    public int? TopLogprobs { get; set; }

    /// <summary>Answers to the one prompt. <see cref="LocalChatClient.PieceOf"/> tells which one an update belongs to.</summary>
    public int Choices { get; set; } = 1;

    /// <summary>
    /// Called when the prompt has been taken, before the first token, with what is odd about how the model is asked
    /// (<see cref="LoraAspire.Model.Generation.LocalModel.Warning"/>).
    /// </summary>
    public Action<string?>? Prompted { get; set; }
}
