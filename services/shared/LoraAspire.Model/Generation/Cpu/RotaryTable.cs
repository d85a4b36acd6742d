using LoraAspire.Model.Network;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>
/// cos and sin of the angles at each position, as <see cref="Rope"/> has them: [positions, head_dim / 2] each. It grows with the positions
/// that are used.
/// </summary>
internal sealed unsafe class RotaryTable(ModelConfig config) : IDisposable
{
    private const int FirstPositions = 512;

    private readonly int _half = config.HeadDim / 2;
    private NativeBuffer? _table;
    private int _positions;

    /// <summary>Floats of a position: cos, then sin.</summary>
    public int Width => 2 * _half;

    /// <summary>Where a position's cos begins.</summary>
    /// <param name="end">The row's length; dynamic frequencies beyond the context depend on it.</param>
    /// <param name="far">[Width], filled and given back where the table can't have the position.</param>
    public float* At(int position, int end, float* far)
    {
        if (end > config.MaxPositionEmbeddings)
        {
            Fill(far, position, Frequencies(end));
            return far;
        }
        return (float*)_table!.Address + ((long)position * Width);
    }

    /// <summary>Makes room for the positions before <paramref name="end"/>. What <see cref="At"/> gave before is no longer valid.</summary>
    public void Reach(int end)
    {
        end = Math.Min(end, config.MaxPositionEmbeddings);
        if (end <= _positions)
        {
            return;
        }
        var positions = (int)Math.Min(config.MaxPositionEmbeddings, Math.Max(FirstPositions, Math.Max((long)end, 2L * _positions)));
        var table = new NativeBuffer((long)positions * Width * sizeof(float), cleared: false);
        var frequencies = Frequencies(config.MaxPositionEmbeddings);
        for (var position = 0; position < positions; position++)
        {
            Fill((float*)table.Address + ((long)position * Width), position, frequencies);
        }
        _table?.Dispose();
        (_table, _positions) = (table, positions);
    }

    private float[] Frequencies(int positions) => config.Rope.InverseFrequencies(config.RopeTheta, config.HeadDim, positions);

    private void Fill(float* to, int position, float[] frequencies)
    {
        var factor = (float)config.Rope.AttentionFactor;
        for (var i = 0; i < _half; i++)
        {
            var angle = position * frequencies[i];
            (to[i], to[_half + i]) = (MathF.Cos(angle) * factor, MathF.Sin(angle) * factor);
        }
    }

    public void Dispose() => _table?.Dispose();
}
