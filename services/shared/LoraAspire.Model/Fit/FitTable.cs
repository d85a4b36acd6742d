using LoraAspire.Model.Network.Quantised;

namespace LoraAspire.Model.Fit;

/// <summary>One way to train, what it takes and how fast it is.</summary>
/// <param name="Tokens">Of a micro-batch.</param>
/// <param name="Speed">Tokens a second over those of bf16 with micro-batches of 8,192 and nothing recomputed, on the same card.</param>
public sealed record FitRow(BaseFormat Format, bool Recompute, int Tokens, Footprint Memory, double Speed)
{
    public bool Fits { get; init; }
}

/// <summary>Which of formats × recomputation × budgets a device's memory holds, from the shapes alone.</summary>
/// <param name="All">The fastest first; of equal speed the smaller first.</param>
public sealed record FitTable(IReadOnlyList<FitRow> All)
{
    private static readonly int[] s_budgets = [16384, 8192, 4096, 2048, 1024, 512];

    /// <summary>Of the memory, for what the shapes don't say: the preflight halves the budget where it was too little.</summary>
    private const double KeptFree = 0.03;

    // Of a token with bf16, 8,192 tokens and nothing recomputed, on an H100: what its products take, and all else (docs/speed.md).
    private const double Products = 0.77, Rest = 0.23;

    /// <summary>Forward again: two products in four of it, and less of the rest.</summary>
    private const double ProductsAgain = 1.5, RestAgain = 1.4;

    /// <summary>FP8's products over bf16's.</summary>
    private const double Fp8 = 0.53;

    /// <summary>Tokens whose products in bf16 take as long as one pass that dequantises, per byte that it moves for each weight.</summary>
    private const double TokensAByte = 66;

    /// <summary>Tokens that a micro-batch's fixed costs are worth.</summary>
    private const double Fixed = 150;

    /// <param name="memory">Bytes of the device.</param>
    /// <param name="formats">Those that it can compute.</param>
    public static FitTable Of(FitWork work, long memory, IEnumerable<BaseFormat> formats)
    {
        var trained = Footprint.Trained(work);
        return new([..
            (from format in formats
             from recompute in new[] { false, true }
             from tokens in s_budgets
             let need = Footprint.Of(work, trained, format, recompute, tokens)
             select new FitRow(format, recompute, tokens, need, Speed(format, recompute, tokens))
             {
                 Fits = need.Total <= memory * (1 - KeptFree),
             })
            .OrderByDescending(row => row.Speed).ThenBy(row => row.Memory.Total)]);
    }

    /// <summary>Of rows that are nearly as fast as the fastest, this share of it, the most exact is taken.</summary>
    private const double Nearly = 0.95;

    /// <summary>By the error of a product, the smallest first (docs/training.md).</summary>
    private static readonly BaseFormat[] s_exactness = [BaseFormat.Bf16, BaseFormat.Int8, BaseFormat.Fp8, BaseFormat.Nf4];

    /// <summary>The fastest that fits, or nearly so; null where nothing fits.</summary>
    /// <param name="among">Those that may be taken.</param>
    public FitRow? Fastest(Func<FitRow, bool>? among = null)
    {
        var fitting = All.Where(row => row.Fits && among?.Invoke(row) is not false).ToList();
        return fitting.Where(row => row.Speed >= Nearly * fitting[0].Speed)
            .OrderBy(row => Array.IndexOf(s_exactness, row.Format)).ThenByDescending(row => row.Speed).FirstOrDefault();
    }

    /// <summary>Of each format with and without recomputation the fastest that fits, or the smallest where none does.</summary>
    public IEnumerable<FitRow> Shown => All.GroupBy(row => (row.Format, row.Recompute)).OrderBy(group => group.Key)
        .Select(group => group.FirstOrDefault(row => row.Fits) ?? group.MinBy(row => row.Memory.Total)!);

    private static double Speed(BaseFormat format, bool recompute, int tokens)
    {
        var passes = recompute ? 3 : 2;
        var moved = format switch { BaseFormat.Int8 => 1 + 2, BaseFormat.Nf4 => 0.5 + 2, _ => 0 };
        return Time(1, false, 8192, 0) / Time(format == BaseFormat.Fp8 ? Fp8 : 1, recompute, tokens, passes * moved);
    }

    /// <summary>Of one token.</summary>
    /// <param name="products">Time of a product over bf16's.</param>
    /// <param name="moved">Bytes that dequantising moves for each weight.</param>
    private static double Time(double products, bool recompute, int tokens, double moved) =>
        (Products * (recompute ? ProductsAgain : 1) * (products + (Fixed / tokens)))
            + (Rest * (recompute ? RestAgain : 1)) + (Products * moved * TokensAByte / tokens);
}
