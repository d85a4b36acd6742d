using System.Numerics.Tensors;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Native;

namespace LoraAspire.Benchmarks.Serve;

/// <summary>
/// Greedy ids of the engine against the same executor without it. One question at a time they have to be the same, since the steps are.
/// Many at once run through products of other shapes, which round otherwise: where answers part, both tokens must be nearly as probable.
/// </summary>
/// <param name="Alone">Questions asked one at a time.</param>
/// <param name="SameAlone">Of them, answers with the very ids of the executor.</param>
/// <param name="Together">Questions asked at once.</param>
/// <param name="SameTogether">Of them, answers with the very ids of the executor.</param>
/// <param name="LargestGap">Where others parted: how far the tokens' logits lie apart, in standard deviations of all logits.</param>
internal sealed record EngineCheck(int Alone, int SameAlone, int Together, int SameTogether, double LargestGap)
{
    /// <summary>bfloat16 has 8 bits: with the order of sums logits differ by some hundredths of their deviation.</summary>
    private const double Near = 0.1;

    private const int OneByOne = 8;

    public bool Holds => SameAlone == Alone && LargestGap <= Near;

    public static async Task<EngineCheck> RunAsync(string folder, IReadOnlyList<string> questions, int newTokens)
    {
        var device = ComputeDevice.Of("auto");
        List<int[]> alone = [], together;
        List<string> drawn = [];
        List<int[]> prompts;
        IReadOnlySet<int> ends;
        Func<int[], string> text;
        using (var model = LocalModel.Load(folder, device))
        {
            // Without a template, which all would begin with: blocks of it in the cache would be another's.
            prompts = [.. questions.Select(question => model.Tokenizer.Encode(question, addBos: true))];
            var options = GenerationOptions.Greedy(newTokens);
            foreach (var prompt in prompts.Take(OneByOne))
            {
                drawn.Add(await model.CompleteAsync(prompt, options));
                alone.Add(await IdsAsync(model, prompt, options));
            }
            together = [.. await Task.WhenAll(prompts.Select(prompt => IdsAsync(model, prompt, options)))];
            (ends, text) = (model.EndIds, ids => model.Tokenizer.Decode(ids));
        }
        using var executor = Executors.Load(folder, device);
        var truth = prompts.Select(prompt => Ids(executor, prompt, newTokens, ends)).ToList();
        var same = alone.Index().Count(one => one.Item.SequenceEqual(truth[one.Index])
            && drawn[one.Index].Trim() == text(truth[one.Index]).Trim());
        var parted = together.Index().Where(one => !one.Item.SequenceEqual(truth[one.Index])).ToList();
        return new(alone.Count, same, together.Count, together.Count - parted.Count, parted
            .Select(one => Gap(executor, prompts[one.Index], truth[one.Index], one.Item)).DefaultIfEmpty(0).Max());
    }

    private static async Task<int[]> IdsAsync(LocalModel model, int[] prompt, GenerationOptions options)
    {
        List<int> ids = [];
        await foreach (var piece in model.StreamAsync(prompt, options with { TopLogprobs = 0 }))
        {
            ids.AddRange(piece.Logprobs.Select(token => token.Id));
        }
        return [.. ids.Where(id => !model.EndIds.Contains(id))];
    }

    /// <summary>The prompt in one step, then a token a step, each drawn by the executor where it does that.</summary>
    private static int[] Ids(StepExecutor executor, int[] prompt, int newTokens, IReadOnlySet<int> ends)
    {
        List<int> ids = [];
        for (var (next, start) = (prompt, 0); ids.Count < newTokens; (next, start) = ([ids[^1]], start + next.Length))
        {
            var results = executor.Run([Slice(next, start, new TokenDraw(0, 0, 1, 0, 0))]);
            var token = results.Drawn(0) ?? TensorPrimitives.IndexOfMax(results.Logits(0));
            if (ends.Contains(token))
            {
                break;
            }
            ids.Add(token);
        }
        return [.. ids];
    }

    private static double Gap(StepExecutor executor, int[] prompt, int[] truth, int[] other)
    {
        var shared = truth.AsSpan().CommonPrefixLength(other);
        if (shared == truth.Length || shared == other.Length)
        {
            return 0; // One ended, as the other did not: which token that was isn't in the ids.
        }
        var logits = executor.Run([Slice([.. prompt, .. truth.Take(shared)], 0, null)]).Logits(0);
        double sum = 0, squares = 0;
        foreach (var logit in logits)
        {
            (sum, squares) = (sum + logit, squares + ((double)logit * logit));
        }
        var mean = sum / logits.Length;
        var deviation = Math.Sqrt((squares / logits.Length) - (mean * mean));
        return Math.Round(Math.Abs(logits[truth[shared]] - logits[other[shared]]) / deviation, 4);
    }

    private static SequenceSlice Slice(int[] ids, int start, TokenDraw? draw) => new(ids, start,
        Enumerable.Range(0, (start + ids.Length + StepExecutor.BlockSize - 1) / StepExecutor.BlockSize).ToArray(), true, -1, draw);
}
