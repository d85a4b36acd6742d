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

    private readonly ModelConfig _config;
    private readonly List<LinearShape> _linears;
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
        (_config, _linears) = (config, [.. LayerLinears.Of(config).All]);
        _table = zeros([Slots * PerSlot(config) * sizeof(Entry)], uint8, CUDA).DetachFromDisposeScope();
        _down = empty([mostRows * MostLayers * MostRank], float32, CUDA).DetachFromDisposeScope();
    }

    /// <summary>Linear layers of a decoder layer.</summary>
    public const int PerLayer = LayerLinears.Count;

    public static int PerSlot(ModelConfig config) => config.NumHiddenLayers * PerLayer;

    public nint Address => Aten.Data(_table);

    /// <summary>[rows, layers of a group, rank] float32.</summary>
    public nint Down => Aten.Data(_down);

    /// <exception cref="ModelException">Made for another base, of a kind that can't run beside it, or there is no slot left.</exception>
    public int Add(Adapter adapter)
    {
        AdapterRefusal.RequireBeside(adapter);
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
            var shape = _linears[index % PerLayer];
            layer.RequireFits(name, [shape.Outputs, shape.Inputs]);
            entries[index] = Take(AdapterRefusal.RequireLowRank(layer), name, held);
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
            throw AdapterRefusal.MustMerge($"has rank {rank} at {name}, which is more than {MostRank}");
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
        var kind = parts.Length == 4 ? _linears.FindIndex(linear => linear.Name == parts[3]) : -1;
        return kind >= 0 && parts[0] == "model" && parts[1] == "layers" && int.TryParse(parts[2], out var layer)
            && layer >= 0 && layer < _config.NumHiddenLayers
            ? (layer * PerLayer) + kind
            : throw AdapterRefusal.NoLayer(name, _config.TieWordEmbeddings);
    }

    public void Dispose() => TensorGroup.DisposeAll([_table, _down, .. _held.SelectMany(held => held ?? [])]);
}
