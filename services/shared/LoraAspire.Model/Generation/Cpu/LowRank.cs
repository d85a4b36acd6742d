using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation.Cpu.Loading;
using LoraAspire.Model.Generation.Cpu.Matrices;
using TorchSharp;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>scale · x·Aᵀ·Bᵀ, which a linear layer's output gets on top.</summary>
/// <param name="A">[rank, in], zeros behind the rank up to a whole vector</param>
/// <param name="B">[out, rank]</param>
internal sealed record LowRank(Matrix A, Matrix B, float Scale) : IDisposable
{
    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }
}

/// <summary>An adapter's parts by their place in the network: float32, whatever the base is kept as.</summary>
internal sealed class CpuAdapter : IDisposable
{
    private const string Head = "lm_head";

    private readonly Dictionary<string, LowRank> _parts = new(StringComparer.Ordinal);

    /// <summary>What is attached to a model, or was loaded.</summary>
    /// <exception cref="ModelException">A layer that the base lacks or has in another shape, or a kind that has to be merged.</exception>
    public CpuAdapter(CpuNetwork network, MatrixMaker maker, IEnumerable<KeyValuePair<string, LayerAdapter>> layers)
    {
        var linears = network.Layers.SelectMany(layer => layer.Linears).ToDictionary(linear => linear.Name, linear => linear.Weight);
        if (!network.Config.TieWordEmbeddings)
        {
            linears[Head] = network.Head;
        }
        try
        {
            foreach (var (name, adapter) in layers)
            {
                if (!linears.TryGetValue(name, out var weight))
                {
                    throw AdapterRefusal.NoLayer(name, network.Config.TieWordEmbeddings);
                }
                adapter.RequireFits(name, [weight.Outputs, weight.Inputs]);
                _parts[name] = Part(maker, adapter);
                Width = Math.Max(Width, _parts[name].A.Outputs);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The largest rank, filled up to a whole vector.</summary>
    public int Width { get; }

    public LowRank? At(string linear) => _parts.GetValueOrDefault(linear);

    public LowRank? AtHead => At(Head);

    private static LowRank Part(MatrixMaker maker, LayerAdapter adapter)
    {
        var update = AdapterRefusal.RequireLowRank(adapter);
        var a = maker.Float32(Values(update.A), (int)update.A.size(0), NumberRows.Width((int)update.A.size(0)), (int)update.A.size(1));
        return new LowRank(a, maker.Float32(Values(update.B), (int)update.B.size(0), (int)update.B.size(0), (int)update.B.size(1)),
            (float)update.Scale);
    }

    private static float[] Values(torch.Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        return tensor.detach().to(torch.float32, torch.CPU).contiguous().data<float>().ToArray();
    }

    public void Dispose()
    {
        foreach (var part in _parts.Values)
        {
            part.Dispose();
        }
    }
}
