using LoraAspire.Model.Network.Fused;

namespace LoraAspire.Tests.Model;

/// <summary>What dropout draws behaves as chance does: counts of it are held to what independent draws give.</summary>
public sealed class DropoutTests
{
    private const int Tokens = 512, Width = 2048;
    private const double P = 0.05;

    // Of some 20,000 counts that chance alone makes, one beyond 5.5 standard deviations is seen in one run of a thousand, and never here
    // since the draws are fixed.
    private const double Most = 5.5;

    [Fact]
    public void Each_row_each_column_and_all_drop_as_often_as_they_are_told()
    {
        foreach (var module in Enumerable.Range(0, 4))
        {
            var dropped = Drawn(module);
            Assert.InRange(Deviations(dropped.Sum(row => row.Count(one => one)), Tokens * Width, P), -Most, Most);
            Assert.All(dropped, row => Assert.InRange(Deviations(row.Count(one => one), Width, P), -Most, Most));
            Assert.All(Enumerable.Range(0, Width), column =>
                Assert.InRange(Deviations(dropped.Count(row => row[column]), Tokens, P), -Most, Most));
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 2)]
    [InlineData(0, 64)]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(256, 0)]
    public void Neighbours_have_nothing_to_do_with_each_other(int rows, int columns)
    {
        var dropped = Drawn(module: 3);
        var both = Enumerable.Range(0, Tokens - rows).Sum(row =>
            Enumerable.Range(0, Width - columns).Count(column => dropped[row][column] && dropped[row + rows][column + columns]));

        Assert.InRange(Deviations(both, (Tokens - rows) * (Width - columns), P * P), -Most, Most);
    }

    [Fact]
    public void Layers_that_read_the_same_input_drop_it_independently()
    {
        bool[][] first = Drawn(module: 0), second = Drawn(module: 1);

        Assert.InRange(Deviations(first.Zip(second).Sum(rows => rows.First.Zip(rows.Second).Count(two => two.First && two.Second)),
            Tokens * Width, P * P), -Most, Most);
    }

    [Fact]
    public void What_is_kept_is_divided_by_how_much_really_is()
    {
        var dropout = Dropout.Of(new TokenDraw(5, TorchSharp.torch.zeros(1)), 0, 1.0 / 3);

        Assert.Equal(10_923u, dropout.Threshold);
        Assert.Equal(32_768 / (32_768 - 10_923f), dropout.InverseKeep);
    }

    private static double Deviations(int count, int of, double p) => (count - (of * p)) / Math.Sqrt(of * p * (1 - p));

    private static bool[][] Drawn(int module)
    {
        var key = DrawKey.Of(seed: 77, module);
        Dropout dropout = new(key, (uint)Math.Round(P * 32768));
        var ones = Enumerable.Repeat(1f, Width).ToArray();
        return [.. Enumerable.Range(0, Tokens).Select(token =>
        {
            var kept = new float[Width];
            dropout.Apply(ones, kept, 1_000_000 + token);
            return Array.ConvertAll(kept, one => one == 0);
        })];
    }
}
