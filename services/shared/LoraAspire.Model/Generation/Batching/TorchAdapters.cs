using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>Adapters beside a base: each changes the rows that are its own.</summary>
internal sealed class TorchAdapters(LlamaModel model) : IDisposable
{
    private readonly Dictionary<int, Dictionary<string, LowRankUpdate>> _adapters = [];
    private int _next;

    /// <exception cref="ModelException">It was made for another base, or is of a kind that has to be merged.</exception>
    public int Add(Adapter adapter)
    {
        var updates = ServedAdapter.Updates(adapter, model);
        _adapters[_next] = updates.ToDictionary(update => update.Layer, update => update.Update with
        {
            A = update.Update.A.to(model.Dtype, model.Device, copy: true).DetachFromDisposeScope(),
            B = update.Update.B.to(model.Dtype, model.Device, copy: true).DetachFromDisposeScope(),
        });
        return _next++;
    }

    public void Remove(int adapter)
    {
        if (_adapters.Remove(adapter, out var updates))
        {
            TensorGroup.DisposeAll(updates.Values.SelectMany(update => new[] { update.A, update.B }));
        }
    }

    /// <param name="x">[1, rows, in]</param>
    public Tensor Forward(Linear linear, Tensor x, TorchRows rows)
    {
        var y = linear.Forward(x);
        foreach (var (adapter, own) in rows.ByAdapter)
        {
            if (_adapters[adapter].TryGetValue(linear.Name, out var update))
            {
                var change = F.linear(F.linear(x.index_select(1, own), update.A), update.B).mul_(update.Scale.AsScalar());
                y = y.index_add(1, own, change, Scalars.One);
            }
        }
        return y;
    }

    public void Dispose()
    {
        foreach (var adapter in _adapters.Keys.ToList())
        {
            Remove(adapter);
        }
    }
}
