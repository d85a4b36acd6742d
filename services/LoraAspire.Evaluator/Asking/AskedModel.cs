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
        return [.. questions.Select(question =>
        {
            var prompt = model.Format.Prompt(new(null, [question]), model.Tokenizer);
            var answer = string.Concat(model.Stream(prompt, GenerationOptions.Greedy(maxNewTokens), cancellationToken)
                .Select(piece => piece.Text)).Trim();
            progress.Report(1);
            return answer;
        })];
    }
}
