using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using LoraAspire.Model.Generation.Cpu.Matrices;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Families;

namespace LoraAspire.Model.Generation.Cuda;

/// <summary>What becomes of a product's result y [n, rows]; the numbers are those of serve.cu.</summary>
internal enum ProductMode
{
    /// <summary>bfloat16.</summary>
    Narrow,
    /// <summary>Added to what is there, float32.</summary>
    Add,
    /// <summary>float32.</summary>
    Write,
    /// <summary>act(gate) · up, laid out for the next product.</summary>
    Gated,
}

/// <summary>The argument of serve.cu's products.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ProductArguments
{
    public nint Weight, X, Out, Bias, Partial, Counters;
    public int Rows, Octets, N, Ld, Mode, Gelu;
}

/// <summary>What attention has to know of a layer, as attend.cu takes it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HeadArguments
{
    public nint Qkv, Bias, QueryNorm, KeyNorm, Cosine, Sine, Keys, Values;
    public float Epsilon;
    public int PlusOne;
    public float Scale, Cap;
    public int Window;
}

/// <summary>The kernels of serve.cu, attend.cu and draw.cu, compiled for one model's heads.</summary>
internal sealed unsafe class ServeKernels
{
    /// <summary>Rows of x up to which our own products read the weights faster than cuBLAS's.</summary>
    public const int FewRows = 16;

    private const int Warps = 8, TileRows = 16, TokensOfTile = 8;
    private const int TargetBlocks = 1024;
    private const int ManyRows = 8192;  // of a weight: enough for every multiprocessor to have several blocks
    private const int ManyBlocks = 512; // of attention: from there on smaller ones lose less at their ends

    private static readonly string[] s_sources = ["serve.cu", "attend.cu", "draw.cu"];
    private static readonly ConcurrentDictionary<string, CudaProgram> s_programs = new();

    private readonly CudaQueue _queue;
    private readonly ModelConfig _config;
    private readonly CudaProgram _program;

    public ServeKernels(CudaQueue queue, ModelConfig config, string? folder)
    {
        (_queue, _config) = (queue, config);
        string[] options = [$"-DHEADS={config.NumAttentionHeads}", $"-DKV_HEADS={config.NumKeyValueHeads}", $"-DHEAD_DIM={config.HeadDim}"];
        _program = folder is null
            ? s_programs.GetOrAdd(string.Join(' ', options), _ => new CudaProgram(Source(null), "serve.cu", options))
            : new CudaProgram(Source(folder), "serve.cu", options);
        var groups = config.NumAttentionHeads / config.NumKeyValueHeads;
        BlocksOfRow = config.NumAttentionHeads / (groups % 4 == 0 ? 4 : groups % 2 == 0 ? 2 : 1);
        var padding = config.HeadDim % 64 == 0 ? 32 : 64;
        PromptShared = StepPlan.TileRows * ((2 * (config.HeadDim + padding)) + config.HeadDim + 8) * sizeof(ushort);
        CudaQueue.AllowShared(_program.Function("attendMany"), PromptShared);
    }

    /// <summary>Why these kernels can't run a model; null when they can.</summary>
    /// <param name="capability">See <see cref="CudaDevice.Capability"/>.</param>
    public static string? Unsupported(ModelConfig config, int capability) =>
        capability < CudaDevice.Bfloat16
            ? $"this GPU has compute capability {capability / 10}.{capability % 10}, and serving's kernels need 8.0"
            : config.HeadDim % 32 != 0 || config.HeadDim > 256 ? $"its heads are {config.HeadDim} wide: 32, 64, 96 … 256 are served"
            : config.HiddenSize % 64 != 0 || config.IntermediateSize % 64 != 0
                || config.NumAttentionHeads * config.HeadDim % 64 != 0 ? "its widths are no multiples of 64"
            : config.Rope.IsDynamic ? "its rope_type is dynamic, whose frequencies depend on each row's length"
            : null;

    /// <summary>Blocks of threads that attention has for one row and one split.</summary>
    public int BlocksOfRow { get; }

    private int PromptShared { get; }

    /// <summary>
    /// Into how many shares of how many positions attention's context is cut, so that few rows fill the device. The count is a power of
    /// two, so that a graph serves many lengths.
    /// </summary>
    public static (int Splits, int Share) Splits(int rows, int blocksOfRow, int longest)
    {
        if (rows * blocksOfRow >= TargetBlocks)
        {
            return (1, 1 << 24);
        }
        var share = rows * blocksOfRow < 128 ? 256 : 512;
        return ((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, (longest + share - 1) / share)), share);
    }

    /// <summary>Tiles of eight rows that activations lie in for our own products; 0 where cuBLAS does them.</summary>
    public static int Tiles(int rows) => rows > FewRows ? 0 : rows > TokensOfTile ? 2 : 1;

    private bool IsGelu => _config.HiddenAct == ActivationField.TanhForm;

    public void Embed(nint ids, nint table, nint x, int rows, int hidden) =>
        Launch("embed", (rows, 1, 1), 256, ids, table, x, hidden / 8, Rounded(_config.EmbeddingScale));

    public void Norm(nint x, nint rows, nint weight, nint to, int count, int hidden, int tiles) =>
        Launch("rmsNorm", (count, 1, 1), RowThreads(hidden), x, rows, weight, to, hidden / 8, (float)_config.RmsNormEps, PlusOne, tiles);

    public void AddNormed(nint x, nint y, nint weight, int rows, int hidden) =>
        Launch("addNormed", (rows, 1, 1), RowThreads(hidden), x, y, weight, hidden / 8, (float)_config.RmsNormEps, PlusOne);

    public void AddBias(nint y, nint bias, int rows, int width) => Launch("addBias", (rows, 1, 1), 256, y, bias, width / 8);

    public void Gate(nint gateUp, nint to, int rows, int width, int tiles) =>
        Launch("gateUp", (rows, (width / 8 + 255) / 256, 1), 256, gateUp, to, width / 8, IsGelu ? 1 : 0, tiles);

    public void AddRows(nint x, nint sums, int rows, int width) =>
        Launch("addRows", ((width + 127) / 128, 1, 1), 128, x, sums, rows, width);

    /// <param name="tiles">What <see cref="Tiles"/> gave; not 0.</param>
    public void Product(ProductMode mode, nint weight, nint x, nint to, (int Rows, int K, int N) size, int tiles, nint bias = 0)
    {
        // Tiles of rows a warp has, warps along the rows, loads in flight.
        var (tall, abreast, depth) = size.Rows > ManyRows ? (1, 2, 2) : tiles == 1 ? (2, 1, 3) : (1, 1, 3);
        ProductArguments arguments = new()
        {
            Weight = weight,
            X = x,
            Out = to,
            Bias = bias,
            Rows = size.Rows,
            Octets = size.K / 8,
            N = size.N,
            Ld = mode == ProductMode.Gated ? size.Rows / 16 : size.Rows,
            Mode = (int)mode,
            Gelu = IsGelu ? 1 : 0,
        };
        var rowsOfBlock = tall * abreast * TileRows;
        _queue.Launch(_program.Function($"product_{tiles}_{tall}_{abreast}_{depth}"),
            ((size.Rows + rowsOfBlock - 1) / rowsOfBlock, 1, 1), 32 * Warps,
            Warps * tall * TileRows * tiles * TokensOfTile * sizeof(float), &arguments);
    }

    public void AttendOne(HeadArguments heads, nint inputs, StepLayout at, int rows, (int Splits, int Share) split, nint to, nint partial,
        int tiles)
    {
        _queue.Launch(_program.Function("attendOne"), (BlocksOfRow, rows, split.Splits), rows * BlocksOfRow >= ManyBlocks ? 128 : 256, 0,
            &heads, (ulong)inputs, (ulong)(inputs + (4 * at.Positions)), (ulong)(inputs + (4 * at.Tables)), (ulong)split.Share, (ulong)to,
            (ulong)tiles, (ulong)partial);
        if (split.Splits > 1)
        {
            Launch("addSplits", (_config.NumAttentionHeads, rows, 1), _config.HeadDim, partial, inputs + (4 * at.Positions), split.Splits,
                to, tiles);
        }
    }

    public void AttendMany(HeadArguments heads, nint inputs, StepLayout at, int first, nint to)
    {
        ulong tables = (ulong)(inputs + (4 * at.Tables));
        _queue.Launch(_program.Function("turn"), (at.Rows - first, 1, 1), 256, 0, &heads, (ulong)inputs,
            (ulong)(inputs + (4 * at.Positions)), (ulong)(inputs + (4 * at.Owners)), tables, (ulong)first);
        _queue.Launch(_program.Function("attendMany"), (at.Tiles, _config.NumAttentionHeads, 1), 128, PromptShared, &heads, (ulong)inputs,
            (ulong)(inputs + (4 * at.Work)), tables, (ulong)to);
    }

    public void Draw(nint logits, int rows, nint draws, nint drawn)
    {
        Launch("draw", (rows, 1, 1), 1024, logits, _config.VocabSize, draws, rows, drawn);
    }

    public void CapLogits(nint logits, int rows)
    {
        if (_config.LogitCap is { } cap)
        {
            Launch("capLogits", (132 * 8, 1, 1), 256, logits, (long)rows * _config.VocabSize, (float)cap);
        }
    }

    /// <summary>y += scale·x·Aᵀ·Bᵀ by each row's adapter, for layers side by side that read the same x.</summary>
    public void LowRank(nint x, nint y, bool wide, AdapterTable table, (int First, int Count) layers, nint adapters, int rows,
        (int K, int Width, int Others) size, int tiles)
    {
        Launch("loraDown", (layers.Count, rows, 1), 256, x, adapters, table.Address, AdapterTable.PerSlot(_config), layers.First,
            table.Down, AdapterTable.MostRank, size.K / 8, tiles);
        Launch("loraUp", ((Math.Max(size.Width, size.Others) + 255) / 256, rows, layers.Count), 256, y, wide ? 1 : 0,
            size.Width + ((layers.Count - 1) * size.Others), adapters, table.Address, AdapterTable.PerSlot(_config), layers.First,
            table.Down, AdapterTable.MostRank, size.Width, size.Others);
    }

    private int PlusOne => _config.NormPlusOne ? 1 : 0;

    /// <summary>An argument: an address or a long, or an int or float in the low half of its slot.</summary>
    private readonly record struct Slot(ulong Bits)
    {
        public static implicit operator Slot(nint value) => new((ulong)value);
        public static implicit operator Slot(long value) => new((ulong)value);
        public static implicit operator Slot(int value) => new((uint)value);
        public static implicit operator Slot(float value) => new(BitConverter.SingleToUInt32Bits(value));
    }

    private void Launch(string kernel, (long X, long Y, long Z) grid, int block, params ReadOnlySpan<Slot> arguments) =>
        _queue.Launch(_program.Function(kernel), grid, block, 0, null, MemoryMarshal.Cast<Slot, ulong>(arguments));

    private static int RowThreads(int width) => Math.Clamp((width / 8 + 31) / 32 * 32, 32, 512);

    /// <summary>As transformers has it: the factor is rounded to bfloat16 before it multiplies.</summary>
    private static float Rounded(double value) => Quantization.ToFloat(Quantization.ToBFloat16((float)value));

    private static string Source(string? folder) => string.Concat(s_sources.Select(name =>
        folder is null ? CudaProgram.Source(name) : File.ReadAllText(Path.Combine(folder, name))));
}
