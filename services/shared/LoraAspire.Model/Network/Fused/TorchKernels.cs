using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Quantised;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Network.Fused;

/// <summary>Each part in plain ATen operators: what other kernels are checked against, and build on.</summary>
internal class TorchKernels : Kernels
{
    public override bool EvenRows => true;

    public override (Tensor Sum, Operand Normed, Tensor InverseRms) Norm(Tensor x, Tensor? added, NormFactors weight, double epsilon,
        Form form)
    {
        var (sum, normed, inverse) = Norm(x, added, weight, epsilon);
        return (sum, Only(normed, form), inverse);
    }

    protected virtual (Tensor Sum, Tensor Normed, Tensor InverseRms) Norm(Tensor x, Tensor? added, NormFactors weight, double epsilon)
    {
        using var scope = NewDisposeScope();
        var sum = added is null ? x : x.add(added, Scalars.One);
        var wide = sum.to_type(float32);
        var inverse = wide.mul(wide).mean([-1], keepdim: true).add_(epsilon.AsScalar(), Scalars.One).rsqrt_();
        var normed = weight.PlusOne ? wide.mul(inverse).mul_(weight.Wide).to_type(x.dtype)
            : wide.mul(inverse).to_type(x.dtype).mul_(weight.Weight);
        return (added is null ? x : sum.MoveToOuterDisposeScope(), normed.MoveToOuterDisposeScope(), inverse.MoveToOuterDisposeScope());
    }

    public override Operand NormBackward(Tensor gradient, Tensor x, Tensor inverseRms, NormFactors weight, Tensor? residual,
        Form form) =>
        Only(NormBackward(gradient, x, inverseRms, weight, residual), form);

    protected virtual Tensor NormBackward(Tensor gradient, Tensor x, Tensor inverseRms, NormFactors weight, Tensor? residual)
    {
        using var scope = NewDisposeScope();
        var (g, wide) = (gradient.to_type(float32).mul(weight.Wide), x.to_type(float32));
        var pull = g.mul(wide).mean([-1], keepdim: true).mul_(inverseRms.pow(3.0.AsScalar()));
        var result = g.mul_(inverseRms).addcmul_(wide, pull, Scalars.MinusOne);
        if (residual is not null)
        {
            result.add_(residual, Scalars.One);
        }
        return result.to_type(x.dtype).MoveToOuterDisposeScope();
    }

    public override Operand Glu(Tensor gateUp, GluActivation activation, Form form) => Only(Glu(gateUp, activation), form);

    protected virtual Tensor Glu(Tensor gateUp, GluActivation activation)
    {
        using var scope = NewDisposeScope();
        var half = gateUp.size(1) / 2;
        var gate = gateUp.narrow(1, 0, half);
        return (activation == GluActivation.Silu ? F.silu(gate) : Activations.GeluTanh(gate)).mul_(gateUp.narrow(1, half, half))
            .MoveToOuterDisposeScope();
    }

    public override Operand GluBackward(Tensor gradient, Tensor gateUp, GluActivation activation, Form form)
    {
        GluBackward(gradient, gateUp, activation);
        return As(gateUp, form);
    }

    protected virtual void GluBackward(Tensor gradient, Tensor gateUp, GluActivation activation)
    {
        using var scope = NewDisposeScope();
        var half = gateUp.size(1) / 2;
        Tensor gate = gateUp.narrow(1, 0, half), up = gateUp.narrow(1, half, half);
        var (g, wide) = (gradient.to_type(float32), gate.to_type(float32));
        var (value, slope) = activation == GluActivation.Silu ? Silu(wide) : GeluTanh(wide);
        gate.copy_(slope.mul_(up).mul_(g));
        up.copy_(value.mul_(g));
    }

    private static (Tensor Value, Tensor Slope) Silu(Tensor x)
    {
        var sigmoid = x.sigmoid();
        var silu = x.mul(sigmoid);
        // silu' = σ + silu − silu·σ
        return (silu, sigmoid.add(silu, Scalars.One).addcmul_(silu, sigmoid, Scalars.MinusOne));
    }

    /// <summary>With t = tanh(k·(x + c·x³)): ½x·(1 + t), and ½(1 + t) + ½x·(1 − t²)·k·(1 + 3c·x²).</summary>
    private static (Tensor Value, Tensor Slope) GeluTanh(Tensor x)
    {
        var squared = x.square();
        var t = squared.mul(Activations.GeluCubic.AsScalar()).add_(Scalars.One, Scalars.One).mul_(x).mul_(Activations.GeluScale.AsScalar())
            .tanh_();
        var half = t.add(Scalars.One, Scalars.One).mul_(0.5.AsScalar());
        var inner = squared.mul((3 * Activations.GeluCubic).AsScalar()).add_(Scalars.One, Scalars.One)
            .mul_((Activations.GeluScale / 2).AsScalar()).mul_(x);
        var slope = t.square().mul_(inner).neg_().add_(inner, Scalars.One).add_(half, Scalars.One);
        return (half.mul_(x), slope);
    }

    public override void Rope(Tensor qkv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin)
    {
        using var scope = NewDisposeScope();
        var turned = qkv.narrow(1, 0, heads.QueryWidth + heads.KeyValueWidth);
        turned.copy_(Turn(turned, heads.Dim, positions, cos, sin));
    }

    public override Operand RopeBackward(Tensor dq, Tensor dk, Tensor dv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin,
        Form form)
    {
        using var scope = NewDisposeScope();
        var back = sin.neg();
        var turned = Only(cat([Turn(dq, heads.Dim, positions, cos, back), Turn(dk, heads.Dim, positions, cos, back), dv], 1), form);
        turned.MoveToOuterDisposeScope();
        return turned;
    }

    private static Tensor Turn(Tensor x, int dim, Tensor positions, Tensor cos, Tensor sin)
    {
        var split = x.reshape(x.size(0), -1, dim);
        Tensor At(Tensor table) => table.index_select(0, positions).unsqueeze(1);
        Tensor first = split.narrow(2, 0, dim / 2), second = split.narrow(2, dim / 2, dim / 2);
        return split.mul(At(cos)).add_(cat([second.neg(), first], -1).mul_(At(sin)), Scalars.One).to_type(x.dtype).reshape(x.size(0), -1);
    }

    public override AttentionResult Attention(Tensor qkv, HeadLayout heads, PackedRows rows)
    {
        using var scope = NewDisposeScope();
        var layout = rows.Attention;
        var (q, k, v) = Split(qkv, heads, layout);
        var mask = WindowMask(heads, layout, qkv.device);
        var result = Aten.Call("aten::_scaled_dot_product_flash_attention_for_cpu", 2, q, k, v, 0.0, mask is null,
            mask is null ? Aten.Argument.None : Aten.Argument.Some(mask), Aten.Argument.None);
        var joined = Join(result[0]);
        var output = layout.Spread?.In(joined) ?? joined;
        return new AttentionResult(output.MoveToOuterDisposeScope(), result[1].MoveToOuterDisposeScope(), null, null);
    }

    public override (Tensor Dq, Tensor Dk, Tensor Dv) AttentionBackward(Tensor gradient, Tensor qkv, HeadLayout heads, PackedRows rows,
        AttentionResult forward)
    {
        using var scope = NewDisposeScope();
        var layout = rows.Attention;
        var (q, k, v) = Split(qkv, heads, layout);
        var mask = WindowMask(heads, layout, qkv.device);
        Tensor Heads(Tensor x) => x.view(layout.Rows, layout.MaxKeys, heads.Query, heads.Dim).transpose(1, 2);
        // What is laid out several times has its gradient once.
        var result = Aten.Call("aten::_scaled_dot_product_flash_attention_for_cpu_backward", 3,
            Heads(layout.Spread?.OutOnce(gradient) ?? gradient), q, k, v, Heads(layout.Spread?.Out(forward.Output) ?? forward.Output),
            forward.LogSumExp, 0.0, mask is null, mask is null ? Aten.Argument.None : Aten.Argument.Some(mask), Aten.Argument.None);
        var (dq, dk, dv) = OfTokens(result[0], result[1], result[2], heads, layout);
        return (dq.MoveToOuterDisposeScope(), dk.MoveToOuterDisposeScope(), dv.MoveToOuterDisposeScope());
    }

    /// <summary>Gradients as <see cref="Split"/> gives what they are of, as tokens lie.</summary>
    internal static (Tensor Dq, Tensor Dk, Tensor Dv) OfTokens(Tensor dq, Tensor dk, Tensor dv, HeadLayout heads, AttentionRows layout)
    {
        var groups = heads.Query / heads.KeyValue;
        Tensor Whole(Tensor x) => layout.Spread?.Sum(x) ?? x;
        // A key/value head serves several query heads, so their gradients add.
        Tensor Group(Tensor x) => Join(groups == 1 ? x : x.reshape(layout.Rows, heads.KeyValue, groups, layout.MaxKeys, heads.Dim).sum(2));
        return (Whole(Join(dq)), Whole(Group(dk)), Whole(Group(dv)));
    }

    /// <summary>[rows, heads, L, dim] each, a key/value head once for each query head that it serves.</summary>
    internal static (Tensor Q, Tensor K, Tensor V) Split(Tensor qkv, HeadLayout heads, AttentionRows rows)
    {
        var laid = rows.Spread?.Out(qkv) ?? qkv;
        Tensor Part(int start, int count) =>
            laid.narrow(1, start, count * heads.Dim).view(rows.Rows, rows.MaxKeys, count, heads.Dim).transpose(1, 2);
        Tensor Repeated(Tensor x) => heads.Query == heads.KeyValue ? x
            : x.unsqueeze(2).expand(rows.Rows, heads.KeyValue, heads.Query / heads.KeyValue, rows.MaxKeys, heads.Dim)
                .reshape(rows.Rows, heads.Query, rows.MaxKeys, heads.Dim);
        return (Part(0, heads.Query), Repeated(Part(heads.QueryWidth, heads.KeyValue)),
            Repeated(Part(heads.QueryWidth + heads.KeyValueWidth, heads.KeyValue)));
    }

    internal static Tensor Join(Tensor x) => x.transpose(1, 2).reshape(x.size(0) * x.size(2), -1);

    /// <summary>[L, L], 0 where a query sees a key and −∞ where not; null where plain causal says the same.</summary>
    protected static Tensor? WindowMask(HeadLayout heads, AttentionRows rows, TorchSharp.torch.Device device)
    {
        return heads.Window is { } window && window < rows.MaxKeys ? Mask(window, rows.MaxKeys, device) : null;
    }

    /// <summary>[L, L] of causal attention, 0 where a query sees a key and −∞ where not.</summary>
    /// <param name="window">How many positions a query sees, its own among them.</param>
    internal static Tensor Mask(int window, int length, TorchSharp.torch.Device device)
    {
        var at = Scalars.Counting(0, length, int64, device);
        var (query, key) = (at.unsqueeze(1), at.unsqueeze(0));
        var hidden = key.gt(query).logical_or(key.le(query.sub(((long)window).AsScalar())));
        return zeros(length, length, device: device).masked_fill_(hidden, double.NegativeInfinity.AsScalar());
    }

    public override Tensor? Project(Tensor x, Tensor matrix, Tensor low, ReadOnlySpan<Tile> tiles)
    {
        using var scope = NewDisposeScope();
        foreach (var (start, count, tile) in Tile.Runs(tiles))
        {
            low.narrow(1, start, count)
                .copy_(Dropped(x, tile.Dropout).mm(matrix.narrow(0, start, count).t()).mul_(((double)tile.Scale).AsScalar()));
        }
        return null;
    }

    public override void Expand(Tensor y, Tensor low, Tensor matrix) => y.addmm_(low, matrix);

    public override void Accumulate(Tensor? x, Tensor low, Tensor? sums, ReadOnlySpan<Tile> tiles, Tensor? matrix = null,
        Tensor? gradient = null, Tensor? kept = null)
    {
        using var scope = NewDisposeScope();
        foreach (var (start, count, tile) in Tile.Runs(tiles))
        {
            var part = low.narrow(1, start, count);
            if (x is not null)
            {
                sums!.narrow(0, start, count).add_(part.t().mm(Dropped(x, tile.Dropout)), Scalars.One);
            }
            if (gradient is not null)
            {
                gradient.add_(Dropped(part.mm(matrix!.narrow(0, start, count)), tile.Dropout), Scalars.One);
            }
        }
    }

    public override Fp8Rows Encode(Tensor x, Tensor? factors, bool powerOfTwo = false)
    {
        using var scope = NewDisposeScope();
        var wide = (factors is null ? x : x.mul(factors)).to_type(float32);
        var scales = wide.abs().amax([1], keepdim: true).clamp_(min: 1e-30.AsScalar()).div_(Fp8.Largest.AsScalar());
        if (powerOfTwo)
        {
            // A logarithm may come out a rounding above a whole number; the next float32 is further away.
            scales = scales.to_type(float64).log2_().sub_(1e-9.AsScalar()).ceil_().exp2().to_type(float32);
        }
        // The conversion gives NaN, not the largest number, where rounding of the quotient leads beyond it.
        var codes = wide.div(scales).clamp_((-Fp8.Largest).AsScalar(), Fp8.Largest.AsScalar()).to_type(Fp8.E4m3);
        return new(codes.MoveToOuterDisposeScope(), scales.MoveToOuterDisposeScope());
    }

    public override Tensor Product(Fp8Rows x, Fp8Rows weight, Tensor? bias, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        static Tensor Wide(Fp8Rows rows) => rows.Codes.to_type(float32).mul_(rows.Scales);
        var y = Wide(x).mm(Wide(weight).t()).to_type(dtype);
        return (bias is null ? y : y.add_(bias, Scalars.One)).MoveToOuterDisposeScope();
    }

    /// <summary>The forms that are asked for of a tensor that nobody else has.</summary>
    private Operand Only(Tensor x, Form form)
    {
        var operand = As(x, form);
        if (!form.Wide)
        {
            x.Dispose();
        }
        return operand;
    }

    public override void AddProduct(Tensor sums, Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        sums.addmm_(a.to_type(float32).t(), b.to_type(float32));
    }

    public override Tensor CrossEntropy(Tensor logits, Tensor targets, Tensor weights)
    {
        using var scope = NewDisposeScope();
        var wide = logits.to_type(float32);
        var at = targets.unsqueeze(1);
        var total = wide.logsumexp(1, keepdim: true);
        var loss = total.add(wide.gather(1, at), Scalars.MinusOne).squeeze(1);
        var p = wide.add_(total, Scalars.MinusOne).exp_();
        p.scatter_add_(1, at, full_like(at, Scalars.MinusOne, dtype: float32)).mul_(weights.unsqueeze(1));
        if (logits.dtype != float32)
        {
            logits.copy_(p);
        }
        return loss.MoveToOuterDisposeScope();
    }

    public override unsafe Tensor Dropped(Tensor x, Dropout dropout)
    {
        if (dropout.Threshold == 0)
        {
            return x;
        }
        var source = x.to_type(float32).cpu().contiguous();
        var result = empty_like(source);
        var (rows, width) = ((int)x.size(0), (int)x.size(1));
        var from = (float*)Aten.Data(source);
        var to = (float*)Aten.Data(result);
        var numbers = dropout.Numbers(rows);
        for (var row = 0; row < rows; row++)
        {
            dropout.Apply(new ReadOnlySpan<float>(from + ((long)row * width), width), new Span<float>(to + ((long)row * width), width),
                numbers[row]);
        }
        return result.to(x.dtype, x.device);
    }
}
