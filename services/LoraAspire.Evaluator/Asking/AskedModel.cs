using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using TorchSharp;

namespace LoraAspire.Evaluator.Asking;

/// <summary>What is asked: a turn that is put into a model's template, or the very ids of a data set's row.</summary>
internal sealed record Question(Turn Turn, int[]? Ids = null);

/// <summary>The one place where the evaluator's questions become answers: greedily, in the order asked.</summary>
internal static class AskedModel
{
    /// <summary>Models in work together: each brings as many questions as an engine takes, and its queue holds those of four.</summary>
    private const int AtOnce = 3;

    /// <summary>The answers of models of one folder, base and adapters, in one engine; in the order of the models.</summary>
    /// <param name="fallback">The prompt format of a folder that brings none.</param>
    public static async Task<IReadOnlyList<IReadOnlyList<string>>> AnswersAsync(IReadOnlyList<Contestant> models, torch.Device device,
        PromptFormat? fallback, IReadOnlyList<Question> questions, int maxNewTokens, IProgress<int> progress,
        CancellationToken cancellationToken)
    {
        using var whole = LocalModel.Load(models[0].Folder, device, fallback);
        List<IReadOnlyList<string>> all = [];
        foreach (var some in models.Chunk(AtOnce))
        {
            all.AddRange(await TogetherAsync(whole, some, questions, GenerationOptions.Greedy(maxNewTokens), progress, cancellationToken));
        }
        return all;
    }

    private static async Task<IReadOnlyList<string>[]> TogetherAsync(LocalModel whole, IReadOnlyList<Contestant> models,
        IReadOnlyList<Question> questions, GenerationOptions options, IProgress<int> progress, CancellationToken cancellationToken)
    {
        List<LocalModel> adapters = [];
        try
        {
            List<LocalModel> asked = [];
            foreach (var model in models)
            {
                if (model.Adapter is not null)
                {
                    adapters.Add(await whole.WithAdapterAsync(model.Adapter));
                }
                asked.Add(model.Adapter is null ? whole : adapters[^1]);
            }
            return await Task.WhenAll(asked.Select(model => AnswersAsync(model, questions, options, progress, cancellationToken)));
        }
        finally
        {
            adapters.ForEach(adapter => adapter.Dispose());
        }
    }

    private static async Task<IReadOnlyList<string>> AnswersAsync(LocalModel model, IReadOnlyList<Question> questions,
        GenerationOptions options, IProgress<int> progress, CancellationToken cancellationToken)
    {
        List<int[]> prompts = [.. questions.Select(question =>
            question.Ids ?? model.Format.Prompt(new(null, [question.Turn]), model.Tokenizer))];
        return [.. (await model.AnswersAsync(prompts, options, progress, cancellationToken)).Select(answer => answer.Trim())];
    }
}
