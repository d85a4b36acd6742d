using System.Text.Json;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Model.Adapters;

/// <summary>
/// How a low-rank pair started, PEFT's init_lora_weights, and what that does to the base. PiSSA and OLoRA start with a part of the base's
/// weight, which is taken out of it whenever such an adapter is loaded: W becomes W − scale·B₀·A₀. The others leave W alone, and their
/// pair is whole in the file.
/// </summary>
public sealed class Initialization
{
    private const string Field = "init_lora_weights";

    private readonly Func<Tensor, int, double, Tensor>? _start;

    private Initialization(string name, Func<Tensor, int, double, Tensor>? start) => (Name, _start) = (name, start);

    /// <summary>The base stays as it is.</summary>
    public static Initialization Plain { get; } = new("true", null);
    public static Initialization Pissa { get; } = new("pissa", PissaStart);
    public static Initialization Olora { get; } = new("olora", OloraStart);

    /// <summary>Its word in adapter_config.json.</summary>
    public string Name { get; }

    public bool ChangesBase => _start is not null;

    /// <summary>W − scale·B₀·A₀: computed in float32 and rounded to W's type, as PEFT keeps it in the model.</summary>
    /// <param name="weight">W [out, in], as the base has it; stays as it is.</param>
    /// <exception cref="ModelException">W has no such start.</exception>
    internal Tensor Residual(string layer, Tensor weight, int rank, double scale)
    {
        if (_start is null)
        {
            return weight.alias();
        }
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var wide = weight.to_type(float32);
        if (rank > weight.shape.Min())
        {
            throw new ModelException($"{layer}: {Field} '{Name}' starts with {rank} directions of the base's weight, which is "
                + $"[{string.Join(", ", weight.shape)}] and has fewer. The adapter was made for another base.");
        }
        if (!wide.isfinite().all().item<bool>())
        {
            throw new ModelException($"{layer}: the base's weight holds values that are no numbers, so {Field} '{Name}' can't be "
                + "computed.");
        }
        return wide.add(_start(wide, rank, scale), Scalars.MinusOne).to_type(weight.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// scale·B₀·A₀ by the largest singular values (Meng et al. 2024, eq. 2 and 3): B₀ = U·√(S/scale), A₀ = √(S/scale)·Vᵀ. The scale
    /// cancels. Singular vectors are computed in float64: where two singular values lie close together, those of float32 are off by more
    /// than its rounding, and differ from machine to machine.
    /// </summary>
    private static Tensor PissaStart(Tensor weight, int rank, double _)
    {
        var (u, s, vh) = linalg.svd(weight.to_type(float64), fullMatrices: false);
        return u.narrow(1, 0, rank).mul(s.narrow(0, 0, rank)).mm(vh.narrow(0, 0, rank)).to_type(float32);
    }

    /// <summary>scale·Q₀·R₀ of W = Q·R, by the first columns of Q and rows of R (Büyükakyüz 2024).</summary>
    private static Tensor OloraStart(Tensor weight, int rank, double scale)
    {
        var (q, r) = linalg.qr(weight, linalg.QRMode.Reduced);
        return q.narrow(1, 0, rank).mul(scale.AsScalar()).mm(r.narrow(0, 0, rank));
    }

    private const string Convert =
        "Let PEFT do it where the adapter was trained: model.merge_and_unload(), or "
        + "save_pretrained(path_initial_model_for_weight_conversion=…), which makes a plain LoRA of it";

    /// <summary>What a value of init_lora_weights means here; docs/training.md has the same rows.</summary>
    internal static IReadOnlyList<(string Values, string What)> Known { get; } =
    [
        ("`true`, `false`, `null`, `gaussian`, `orthogonal`, `eva`, `mica`", "plain: the base stays as it is, the pair is in the file"),
        ("`pissa`", "computed: scale·B₀·A₀ of the largest singular values is taken out of the base"),
        ("`olora`", "computed: scale·Q₀·R₀ of W = Q·R is taken out of the base"),
        ("`pissa_niter_N`", "refused: the singular values are found by random draws that the files don't hold"),
        ("`corda`", "refused: the base was changed by covariances of sample data that the files don't hold"),
        ("`loftq`", "refused: the pair belongs to a quantised base, which the files don't hold"),
        ("`lora_ga`", "refused: the base was changed by gradients of sample data that the files don't hold"),
        ("anything else", "refused"),
    ];

    /// <exception cref="ModelException">One that the files don't determine, or that isn't known.</exception>
    internal static Initialization Read(ConfigFields fields)
    {
        if (!fields.Has(Field) || fields.Element.GetProperty(Field).ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return Plain;
        }
        if (fields.Element.GetProperty(Field).ValueKind != JsonValueKind.String)
        {
            throw fields.Refuse(Field, "must be true, false or a string");
        }
        var name = fields.Text(Field)!;
        ModelException Refuse(string why) => fields.Refuse(Field, $"is '{name}': {why}");
        // PEFT compares some of them without regard to case, and some not.
        return name switch
        {
            "pissa" => Pissa,
            _ when name.Equals("olora", StringComparison.OrdinalIgnoreCase) => Olora,
            "orthogonal" or "eva" => Plain,
            _ when name.Equals("gaussian", StringComparison.OrdinalIgnoreCase) => Plain,
            _ when name.Equals("mica", StringComparison.OrdinalIgnoreCase) => Plain,
            _ when name.StartsWith("pissa_niter_", StringComparison.Ordinal) => throw Refuse("the part of the base that it takes out was "
                + $"found by random draws (a randomised SVD), which the adapter's files don't hold. {Convert}"),
            _ when name.StartsWith("corda", StringComparison.Ordinal) => throw Refuse("the part of the base that it takes out depends on "
                + $"covariances of sample data (CorDA), which the adapter's files don't hold. {Convert}"),
            "loftq" => throw Refuse("the adapter belongs to a base that was quantised together with it (LoftQ), which the adapter's files "
                + "don't hold. Let PEFT merge it where it was trained: model.merge_and_unload()"),
            "lora_ga" => throw Refuse("the part of the base that it takes out depends on gradients of sample data (LoRA-GA), which the "
                + $"adapter's files don't hold. {Convert}"),
            _ => throw Refuse("that start isn't known here, and it may change the base when the adapter is loaded. "
                + $"Known are true, false, gaussian, orthogonal, eva, mica, pissa and olora. {Convert}"),
        };
    }
}
