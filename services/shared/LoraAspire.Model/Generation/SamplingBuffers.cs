namespace LoraAspire.Model.Generation;

/// <summary>Room for one draw at a time, so that a token costs no allocation of the vocabulary's size.</summary>
internal sealed class SamplingBuffers
{
    private float[] _logits = [], _weights = [];
    private ulong[] _keys = [];

    private readonly double[] _buckets = new double[1017]; // of weights up to 1, by their leading 12 bits

    public Span<double> Buckets => _buckets;

    public Span<float> Logits(int size) => Of(ref _logits, size);

    public Span<float> Weights(int size) => Of(ref _weights, size);

    public Span<ulong> Keys(int size) => Of(ref _keys, size);

    private static Span<T> Of<T>(ref T[] buffer, int size)
    {
        if (buffer.Length < size)
        {
            buffer = new T[size];
        }
        return buffer.AsSpan(0, size);
    }
}
