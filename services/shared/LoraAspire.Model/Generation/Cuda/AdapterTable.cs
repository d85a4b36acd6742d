using System.Runtime.InteropServices;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Cuda;

/// <summary>
/// LoRA adapters on the device, each in a slot of its own: for every linear layer A [rank, in] and B [out, rank] in bfloat16, or nothing.
/// </summary>
internal sealed unsafe class AdapterTable : IDisposable
{
    /// <summary>Adapters beside one base at a time.</summary>
    public const int Slots = 32;

    public const int MostRank = 256;
    private const int RankStep = 8;     // octets of the rank are read together
    private const int MostLayers = 3;   // that read one input: q, k, v

    private static readonly string[] s_names =
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];

    private readonly ModelConfig _config;
    private readonly Tensor _table, _down;
    private readonly List<Tensor>?[] _held = new List<Tensor>?[Slots];

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public nint A, B;
        public int Rank;
        public float Scale;
    }

    public AdapterTable(ModelConfig config, int mostRows)
    {
        _config = config;
        _table = zeros([Slots * PerSlot(config) * sizeof(Entry)], uint8, CUDA).DetachFromDisposeScope();
        _down = empty([mostRows * MostLayers * MostRank], float32, CUDA).DetachFromDisposeScope();
    }

    /// <summary>Linear layers of a decoder layer.</summary>
    public static int PerLayer => s_names.Length;

    public static int PerSlot(ModelConfig config) => config.NumHiddenLayers * PerLayer;

    public nint Address => Aten.Data(_table);

    /// <summary>[rows, layers of a group, rank] float32.</summary>
    public nint Down => Aten.Data(_down);

    /// <exception cref="ModelException">Made for another base, of a kind that can't run beside it, or there is no slot left.</exception>
    public int Add(Adapter adapter)
    {
        if (adapter.Saved.Count > 0 || adapter.Config.Start.ChangesBase)
        {
            throw new ModelException("The adapter changes weights of the base itself (modules_to_save, or a start taken out of the base): "
                + "merge it, and serve the merged model.");
        }
        return Add(adapter.Layers);
    }

    public int Add(IReadOnlyDictionary<string, LayerAdapter> layers)
    {
        var slot = Array.IndexOf(_held, null);
        if (slot < 0)
        {
            throw new ModelException($"{Slots} adapters are loaded beside this base; unload one first.");
        }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var entries = new Entry[PerSlot(_config)];
        var held = new List<Tensor>();
        foreach (var (name, layer) in layers)
        {
            var index = IndexOf(name);
            layer.RequireFits(name, ShapeOf(index % PerLayer));
            if (layer.Kind.Fused(layer) is not { } update)
            {
                throw new ModelException($"{layer.Kind.Name} can't run beside the base: merge the adapter, and serve the merged model.");
            }
            entries[index] = Take(update, name, held);
        }
        Write(slot, entries);
        held.ForEach(tensor => tensor.DetachFromDisposeScope());
        _held[slot] = held;
        return slot;
    }

    public void Remove(int slot)
    {
        if (_held[slot] is { } held)
        {
            Write(slot, new Entry[PerSlot(_config)]);
            TensorGroup.DisposeAll(held);
            _held[slot] = null;
        }
    }

    private static Entry Take(LowRankUpdate update, string name, List<Tensor> held)
    {
        long rank = update.A.size(0), whole = (rank + RankStep - 1) / RankStep * RankStep;
        if (whole > MostRank)
        {
            throw new ModelException($"{name}: rank {rank} is more than the {MostRank} that run beside a base: merge the adapter.");
        }
        Tensor a = zeros([whole, update.A.size(1)], bfloat16, CUDA), b = zeros([update.B.size(0), whole], bfloat16, CUDA);
        a.narrow(0, 0, rank).copy_(update.A);
        b.narrow(1, 0, rank).copy_(update.B);
        held.AddRange([a, b]);
        return new Entry { A = Aten.Data(a), B = Aten.Data(b), Rank = (int)whole, Scale = (float)update.Scale };
    }

    private void Write(int slot, Entry[] entries)
    {
        using var scope = NewDisposeScope();
        var bytes = MemoryMarshal.AsBytes<Entry>(entries).ToArray();
        _table.narrow(0, (long)slot * bytes.Length, bytes.Length).copy_(tensor(bytes, uint8));
        cuda.synchronize();
    }

    private int IndexOf(string name)
    {
        var parts = name.Split('.', 4); // model.layers.3.self_attn.q_proj
        var kind = parts.Length == 4 ? Array.IndexOf(s_names, parts[3]) : -1;
        return kind >= 0 && parts[0] == "model" && parts[1] == "layers" && int.TryParse(parts[2], out var layer)
            && layer >= 0 && layer < _config.NumHiddenLayers
            ? (layer * PerLayer) + kind
            : throw new ModelException(name == "lm_head"
                ? "LoRA on lm_head can be merged, but not run beside the base: merge the adapter first."
                : $"The adapter was made for another base: this one has no layer {name}.");
    }

    private long[] ShapeOf(int kind)
    {
        long hidden = _config.HiddenSize, inner = _config.IntermediateSize, q = _config.NumAttentionHeads * _config.HeadDim,
            kv = _config.NumKeyValueHeads * _config.HeadDim;
        return kind switch { 0 => [q, hidden], 1 or 2 => [kv, hidden], 3 => [hidden, q], 6 => [hidden, inner], _ => [inner, hidden] };
    }

    public void Dispose() => TensorGroup.DisposeAll([_table, _down, .. _held.SelectMany(held => held ?? [])]);
}
