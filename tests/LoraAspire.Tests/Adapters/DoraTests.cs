using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Adapters;

[Collection(TorchRandom.Name)]
public sealed class DoraTests
{
    private static readonly LoraConfig Settings = new(1, 2, 0, ["q_proj"]) { UseDora = true };

    /// <summary>W + 2·B·A = [[3, 4], [2, 4]], whose rows are 5 and √20 long; magnitudes of 10 and 2·√20 double both.</summary>
    [Fact]
    public void Merging_gives_each_row_its_trained_length()
    {
        using var scope = NewDisposeScope();
        using var adapter = new Adapter(Settings, new Dictionary<string, LayerAdapter> { ["q"] = Doubling(dropout: 0) });

        AssertClose([6, 8, 4, 8], adapter.Merge("q", Matrix(2, 2, 3, 4, 0, 2)));
    }

    /// <summary>x = (1, 1): W'x = (7, 6) by the sum above, times 10/5 and 2√20/√20, plus the bias, which has no length.</summary>
    [Fact]
    public void The_forward_is_the_merged_weights_and_leaves_the_bias_alone()
    {
        using var scope = NewDisposeScope();
        using var linear = Layer(tensor(new[] { 100f, 200f }), dropout: 0);

        AssertClose([114, 212], linear.Forward(Matrix(1, 2, 1, 1)));
    }

    /// <summary>
    /// With c the norms as constants, y = (m/c)·(W + s·B·A)x: dm = (W + s·B·A)x / c, dB = s·(m/c)·(A·x), dA = s·Bᵀ(m/c)·x.
    /// </summary>
    [Fact]
    public void The_norm_is_a_constant_to_the_gradient()
    {
        using var scope = NewDisposeScope();
        using var linear = Layer(null, dropout: 0);
        var own = linear.Adapter!;
        foreach (var trained in own.Tensors)
        {
            trained.requires_grad = true;
        }

        linear.Forward(Matrix(1, 2, 1, 2)).sum().backward();

        // x = (1, 2): (W + sBA)x = (11, 10), A·x = 3, m/c = (2, 2).
        AssertClose([11 / 5.0, 10 / Math.Sqrt(20)], own[Dora.Magnitude].grad!);
        AssertClose([12, 12], own[Lora.B].grad!);
        AssertClose([4, 8], own[Lora.A].grad!);
    }

    /// <summary>
    /// PEFT's way: what DoRA adds is (m/c − 1)·W·dropout(x) + (m/c)·s·B·A·dropout(x), so a dropped input leaves W·x as it was.
    /// </summary>
    [Fact]
    public void Dropout_acts_on_what_DoRA_adds()
    {
        using var scope = NewDisposeScope();
        using var linear = Layer(null, dropout: 0.5);
        var x = Matrix(1, 2, 1, 1);
        var seen = new HashSet<(float, float)>();
        manual_seed(1);
        for (var i = 0; i < 64; i++)
        {
            var y = linear.Forward(x, training: true);
            seen.Add((MathF.Round(y[0, 0].item<float>(), 3), MathF.Round(y[0, 1].item<float>(), 3)));
        }

        // dropout(x) is (0, 0), (2, 0), (0, 2) or (2, 2); y = W·x + W·d + 2·2·B·A·d with m/c = 2.
        Assert.Equal([(7f, 2f), (13f, 10f), (15f, 14f), (21f, 22f)], seen.Order());
    }

    [Fact]
    public void A_fresh_adapter_changes_nothing_and_an_attached_one_speaks_as_its_merged_weights()
    {
        using var scope = NewDisposeScope();
        var config = TinyModel.Config with { QkvBias = true };
        var lora = new LoraConfig(4, 8, 0, [AdapterConfig.AllLinear])
        {
            UseDora = true,
            RankPattern = new Dictionary<string, int> { ["down_proj"] = 2 }
        };
        using var model = LlamaModel.Initialize(config, CPU, float32, seed: 2);
        var ids = arange(0, 12, int64).unsqueeze(0);
        var bare = model.Forward(ids);

        model.AttachFresh(lora, seed: 1);
        var fresh = model.Forward(ids);
        foreach (var linear in model.Linears)
        {
            linear.Adapter![Lora.B].normal_(0, 0.3);
            linear.Adapter[Dora.Magnitude].mul_(1.2);
        }
        var attached = model.Forward(ids);
        using var adapter = model.Detached(lora);
        using var merged = LlamaModel.Initialize(config, CPU, float32, seed: 2);
        merged.ReplaceWeights(merged.Weights().ToDictionary(weight => weight.Name, weight =>
            adapter.Layers.ContainsKey(weight.Name[..weight.Name.LastIndexOf('.')])
                && weight.Name.EndsWith(".weight", StringComparison.Ordinal)
                ? adapter.Merge(weight.Name[..weight.Name.LastIndexOf('.')], weight.Tensor).DetachFromDisposeScope()
                : weight.Tensor.clone().DetachFromDisposeScope()));

        Assert.InRange(Difference(fresh, bare), 0, 1e-5);
        Assert.True(Difference(attached, bare) > 0.1);
        Assert.InRange(Difference(merged.Forward(ids), attached), 0, 1e-4);
        Assert.Null(model.WhyAutograd);
    }

    /// <summary>W = [[3, 4], [0, 2]], A = [1, 1], B = [0, 1]ᵀ, scale 2, magnitudes twice the norms.</summary>
    private static Linear Layer(Tensor? bias, double dropout)
    {
        Linear linear = new("q", Matrix(2, 2, 3, 4, 0, 2), bias);
        linear.Attach(Doubling(dropout));
        return linear;
    }

    private static LayerAdapter Doubling(double dropout) =>
        LayerAdapter.Of(Settings with { LoraDropout = dropout }, "q",
            [Matrix(1, 2, 1, 1), Matrix(2, 1, 0, 1), tensor(new[] { 10f, 2 * MathF.Sqrt(20) })]);

    private static Tensor Matrix(long rows, long columns, params float[] values) => tensor(values, [rows, columns]);

    private static float Difference(Tensor one, Tensor other) => one.sub(other).abs().max().item<float>();

    private static void AssertClose(double[] expected, Tensor actual) =>
        Assert.All(expected.Zip(actual.reshape(-1).data<float>().ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
}
