using LoraAspire.Model.Network.Fused;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>Tokens that rows begin with alike are computed once, and it makes no difference.</summary>
[Trait("Category", "Goldens"), Collection(TorchRandom.Name)]
public sealed class SharedPrefixTests(ITestOutputHelper output)
{
    /// <summary>Float32 rounding of sums over some 100 targets in another order.</summary>
    private const double GradientTolerance = 1e-5, LossTolerance = 1e-5;

    public static TheoryData<string, bool> Models =>
        [.. from name in GoldenFolder.Names("models", holding: "golden.json") from recompute in new[] { false, true } select (name,
            recompute)];

    [Theory, MemberData(nameof(Models))]
    public void Loss_and_gradients_are_those_of_whole_rows(string name, bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = Golden.Load(GoldenFolder.At(name));
        using var parameters = FusedTests.Adapted(model, rank: 6, dropout: 0);
        using var fused = FusedStep.Create(model, new FusedModel.Options(recompute, HeadRows: 7));
        var rows = Rows(model.Config.VocabSize);
        var marked = SharedPrefixes.Mark(rows);

        var (whole, expected) = FusedStep.Run(fused, parameters, 0, rows);
        var (once, gradients) = FusedStep.Run(fused, parameters, 0, marked);
        using var packed = fused.Pack(marked);
        using var unshared = fused.Pack(rows);

        // Three rows share 12 tokens and two others 20.
        Assert.Equal(unshared.Ids.size(0) - (2 * 12) - 20, packed.Ids.size(0));
        output.WriteLine($"{name}: largest gradient {expected.abs().max().item<float>():G3}, largest difference "
            + $"{gradients.sub(expected).abs().max().item<float>():G3}");
        Assert.Equal(whole, once, LossTolerance);
        Assert.Equal(whole, fused.Loss(packed).item<float>(), LossTolerance);
        Assert.InRange(gradients.sub(expected).abs().max().item<float>(), 0, GradientTolerance);
    }

    /// <summary>As on two devices, or with half the memory.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(40)]
    public void A_shared_prefix_draws_the_same_dropout_whichever_of_its_rows_share_a_micro_batch(int rank)
    {
        using var scope = NewDisposeScope();
        using var model = Golden.Load(GoldenFolder.At("own/models/qwen2"));
        using var parameters = FusedTests.Adapted(model, rank, dropout: 0.3);
        using var fused = FusedStep.Create(model);
        var marked = SharedPrefixes.Mark(Rows(model.Config.VocabSize));

        var (whole, expected) = FusedStep.Run(fused, parameters, 11, marked);
        var (parts, gradients) = FusedStep.Run(fused, parameters, 11,
            [marked[5], marked[0], marked[3]], [marked[4]], [marked[2], marked[1]]);

        Assert.Equal(whole, parts, LossTolerance);
        Assert.InRange(gradients.sub(expected).abs().max().item<float>(), 0, GradientTolerance);
    }

    [Fact]
    public void With_dropout_on_shared_tokens_the_gradient_is_the_slope_of_the_loss()
    {
        using var scope = NewDisposeScope();
        using var model = Golden.Load(GoldenFolder.At("own/models/qwen2"));
        using var parameters = FusedTests.Adapted(model, rank: 8, dropout: 0.3);
        using var fused = FusedStep.Create(model);

        FusedStep.AssertGradientIsSlope(fused, parameters, SharedPrefixes.Mark(Rows(model.Config.VocabSize)));
    }

    [Fact]
    public void What_carries_loss_is_not_shared()
    {
        int[] prompt = [.. Enumerable.Range(10, 20)];
        TrainingRow[] rows = [Row([.. prompt, 90], noLoss: 12, first: 0), Row([.. prompt, 91], noLoss: 20, first: 21)];

        var marked = SharedPrefixes.Mark(rows);

        // Token 11 has token 12's loss in the first row.
        Assert.All(marked, row => Assert.Equal(new SharedPrefix(11, 0), row.Shared));
        Assert.Throws<ArgumentException>(() => PackedRows.From([.. marked.Select(row => row with { Shared = new(12, 0) })], CPU, true));
    }

    [Fact]
    public void Of_nested_prefixes_those_are_taken_that_save_most_tokens()
    {
        int[] head = [.. Enumerable.Range(10, 10)], long1 = [.. head, .. Enumerable.Range(100, 30)],
            long2 = [.. head, .. Enumerable.Range(200, 30)];
        TrainingRow[] rows = [.. new[] { long1, long2, long1, long2, [.. head, 7], [5, 6, 7] }
            .Select((ids, i) => Row([.. ids, 300 + i], ids.Length, first: 100 * i))];

        var marked = SharedPrefixes.Mark(rows);

        // All five by 10 tokens would save 40; two pairs by 39 save 78.
        Assert.Equal([new(39, 0), new(39, 100), new(39, 0), new(39, 100), default, default], marked.Select(row => row.Shared));
    }

    [Fact]
    public void Rows_that_begin_alike_with_fewer_tokens_than_pay_stay_whole()
    {
        int[] head = [.. Enumerable.Range(10, SharedPrefixes.Shortest - 1)];

        var marked = SharedPrefixes.Mark([Row([.. head, 1, 2, 3], 9, 0), Row([.. head, 4, 5, 6], 9, 10)]);

        Assert.All(marked, row => Assert.Equal(0, row.Shared.Length));
    }

    [Fact]
    public void A_micro_batch_has_room_for_the_rows_whose_prefix_is_there_already()
    {
        int[] head = [.. Enumerable.Range(10, 80)];
        var rows = SharedPrefixes.Mark([.. Enumerable.Range(0, 10)
            .Select(i => Row([.. head, .. Enumerable.Range(200 + i, 20)], noLoss: 90, first: 100 * i))]);

        var batch = Assert.Single(MicroBatch.Cut(rows, tokens: 300, packed: true));

        Assert.Equal((80 + (10 * 20), 1000), (batch.Tokens, batch.RealTokens));
    }

    /// <summary>Three with one head, two with another, one alone, mixed.</summary>
    private static List<TrainingRow> Rows(int vocabulary)
    {
        var random = new Random(1);
        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(3, vocabulary))];
        int[] one = Ids(12), other = Ids(20);
        int[][] rows = [[.. one, .. Ids(9)], [.. other, .. Ids(17)], [.. one, .. Ids(25)], Ids(31), [.. other, .. Ids(5)],
            [.. one, .. Ids(14)]];
        List<TrainingRow> result = [];
        foreach (var ids in rows)
        {
            result.Add(Row(ids, ids.Length - 4, result.Sum(row => row.InputIds.Length)) with { Weight = 1.0 / (4 * rows.Length) });
        }
        return result;
    }

    /// <param name="noLoss">So many first tokens carry none.</param>
    private static TrainingRow Row(int[] ids, int noLoss, int first) =>
        new(ids, [.. ids.Select((id, i) => i < noLoss ? -100 : id)], 1, first);
}
