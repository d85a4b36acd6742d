using LoraAspire.Model.Generation;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Generation.Batching;

/// <summary>Asks an engine, and gives the ids that it answers with: they come as log probabilities.</summary>
internal static class Asking
{
    public static HfTokenizer Tokenizer => field ??= HfTokenizer.Load(GoldenFolder.Pebble);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static BatchEngine Engine(StepExecutor executor, EngineLimits? limits = null) => new(executor, Tokenizer, limits);

    public static IAsyncEnumerable<TextPiece> Stream(this BatchEngine engine, IReadOnlyList<int> prompt, GenerationOptions options,
        int adapter = -1, CancellationTokenSource? leaving = null) =>
        engine.StreamAsync(prompt, options, new HashSet<int>(), adapter, leaving?.Token ?? Cancelled);

    public static async Task<int[]> Ids(this BatchEngine engine, IReadOnlyList<int> prompt, int count, int adapter = -1) =>
        (await engine.Choices(prompt, GenerationOptions.Greedy(count), adapter)).Single();

    /// <summary>The ids of each choice.</summary>
    public static async Task<int[][]> Choices(this BatchEngine engine, IReadOnlyList<int> prompt, GenerationOptions options,
        int adapter = -1)
    {
        var pieces = await engine.Stream(prompt, options with { TopLogprobs = 0 }, adapter).ToListAsync(Cancelled);
        return [.. pieces.GroupBy(piece => piece.Choice).OrderBy(choice => choice.Key)
            .Select(choice => choice.SelectMany(piece => piece.Logprobs).Select(one => one.Id).ToArray())];
    }

    /// <summary>The figures after all that was said so far.</summary>
    public static async Task<EngineStatistics> Settled(this BatchEngine engine)
    {
        await engine.BetweenStepsAsync(_ => 0);
        return engine.Statistics;
    }

    /// <summary>Ids that stand for text.</summary>
    public static int[] Prompt(int seed, int length)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(300, 3000))];
    }
}
