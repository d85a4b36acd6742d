using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Cuda;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Adapters;

namespace LoraAspire.Tests.Generation.Cuda;

/// <summary>What the host prepares for the GPU; needs none.</summary>
public sealed class StepPlanTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 4)]
    [InlineData(8, 8)]
    [InlineData(9, 16)]
    [InlineData(33, 48)]
    [InlineData(65, 96)]
    [InlineData(200, 200)] // no more than a step takes
    public void A_batch_takes_the_smallest_graph_with_room_for_it(int sequences, int bucket) =>
        Assert.Equal(bucket, StepPlan.Bucket(sequences, most: 200));

    [Fact]
    public void A_decoding_step_is_filled_up_with_rows_that_stand_for_nothing()
    {
        var drawn = One(8, 3, [5]) with { Draw = new(0.5, 40, 0.9, 0.1, 0.25) };
        var plan = StepPlan.Of([One(7, 20, [4, 9]), drawn, One(9, 40, [1, 2, 3])], 64);
        var (at, words) = (plan.Layout, Words(plan));

        Assert.True(plan.IsDecoding);
        Assert.Equal((4, 41), (at.Rows, plan.Longest));
        Assert.Equal([7, 8, 9, -1], words[at.Ids..at.Positions]);
        Assert.Equal([20, 3, 40, -1], words[at.Positions..at.Owners]);
        Assert.Equal([-1f, 0.5f, -1f, -1f], Floats(words, at.Draws, 4)); // below zero: not drawn
        Assert.Equal((0.9f, 0.1f, 0.25f, 40), (Floats(words, at.Draws + 5, 1)[0], Floats(words, at.Draws + 9, 1)[0],
            Floats(words, at.Draws + 13, 1)[0], words[at.Draws + 17]));
        Assert.Equal([4, 9], words.AsSpan(at.Tables, 2));
        Assert.Equal([1, 2, 3], words.AsSpan(at.Tables + (2 * words[0]), 3));
        Assert.Equal((false, true, false), (plan.Draws(0), plan.Draws(1), plan.Draws(2)));
    }

    /// <summary>A graph keeps the addresses that it was made with.</summary>
    [Fact]
    public void Where_the_inputs_of_a_graph_lie_does_not_depend_on_contexts()
    {
        StepLayout few = StepPlan.Of([One(1, 5, [0])], 64).Layout,
            many = StepPlan.Of([One(1, 3000, [.. Enumerable.Range(0, 200)])], 64).Layout;
        Assert.Equal((few.Positions, few.Draws, few.Tables), (many.Positions, many.Draws, many.Tables));
        Assert.NotEqual(few.Stride, many.Stride);
    }

    [Fact]
    public void Single_tokens_come_before_prompts_which_are_cut_into_tiles()
    {
        var prompt = new SequenceSlice(Enumerable.Range(100, 70).ToArray(), 16, new[] { 3, 4, 5, 6, 7, 8 }, true, 2);
        var unwanted = new SequenceSlice(Enumerable.Range(300, 3).ToArray(), 0, new[] { 9 }, false);
        var plan = StepPlan.Of([prompt, unwanted, One(7, 20, [1, 2])], 64);
        var (at, words) = (plan.Layout, Words(plan));

        Assert.False(plan.IsDecoding);
        Assert.Equal((74, 2, 3, 1), (at.Rows, at.Results, at.Tiles, plan.Decoded));
        Assert.Equal([1, -1, 0], plan.Results);
        Assert.Equal([7, 100, 101], words.AsSpan(at.Ids, 3));
        Assert.Equal([20, 16, 17], words.AsSpan(at.Positions, 3));
        Assert.Equal([0, 70], words.AsSpan(at.Wanted, 2));
        Assert.Equal([-1, 2], words.AsSpan(at.Adapters, 2));
        Assert.Equal([1, 64, 16, 1, 65, 6, 80, 1, 71, 3, 0, 2], words[at.Work..at.Tables]);
        Assert.Equal(0, at.Work % 4); // read 16 bytes at a time
        Assert.Equal([3, 4, 5, 6, 7, 8], words.AsSpan(at.Tables + at.Stride, 6));
    }

    [Theory]
    [InlineData(1, 256, 1, 256)]
    [InlineData(1, 257, 2, 256)]
    [InlineData(1, 4000, 16, 256)]
    [InlineData(8, 1200, 4, 512)]
    [InlineData(64, 100_000, 1, 1 << 24)] // the rows alone fill the device
    public void Few_rows_share_out_their_context(int rows, int longest, int splits, int share) =>
        Assert.Equal((splits, share), ServeKernels.Splits(rows, blocksOfRow: 32, longest));

    [Fact]
    public void What_the_kernels_cant_run_is_refused_in_words()
    {
        var config = TinyModel.Config with { HeadDim = 64, HiddenSize = 128, IntermediateSize = 256 };
        Assert.Null(ServeKernels.Unsupported(config, 80));
        Assert.Contains("7.5", ServeKernels.Unsupported(config, 75), StringComparison.Ordinal);
        Assert.Contains("48 wide", ServeKernels.Unsupported(config with { HeadDim = 48 }, 90), StringComparison.Ordinal);
        Assert.Contains("64", ServeKernels.Unsupported(config with { IntermediateSize = 100 }, 90), StringComparison.Ordinal);
        Assert.Contains("dynamic", ServeKernels.Unsupported(config with { Rope = new RopeScaling("dynamic", 2) }, 90),
            StringComparison.Ordinal);
    }

    private static SequenceSlice One(int id, int start, int[] blocks) => new(new[] { id }, start, blocks, true);

    private static int[] Words(StepPlan plan)
    {
        var words = new int[plan.Layout.Words];
        plan.Write(words);
        return words;
    }

    private static float[] Floats(int[] words, int from, int count) =>
        [.. words[from..(from + count)].Select(BitConverter.Int32BitsToSingle)];
}
