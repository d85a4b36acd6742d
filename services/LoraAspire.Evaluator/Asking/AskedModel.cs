using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using TorchSharp;

namespace LoraAspire.Evaluator.Asking;

/// <summary>The one place where the evaluator's questions become answers: greedily, in the order asked.</summary>
internal static class AskedModel
{
    /// <param name="fallback">The prompt format of a folder that brings none.</param>
    public static IReadOnlyList<string> Answers(string folder, torch.Device device, PromptFormat? fallback, IReadOnlyList<Turn> questions,
        int maxNewTokens, IProgress<int> progress, CancellationToken cancellationToken)
    {
        using var model = LocalModel.Load(folder, device, fallback);
        var prompts = questions.Select(question => model.Format.Prompt(new(null, [question]), model.Tokenizer)).ToList();
        var answers = model.AnswersAsync(prompts, GenerationOptions.Greedy(maxNewTokens), progress, cancellationToken)
            .GetAwaiter().GetResult();
        return [.. answers.Select(answer => answer.Trim())];
    }
}
