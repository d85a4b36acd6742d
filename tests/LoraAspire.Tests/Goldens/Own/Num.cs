namespace LoraAspire.Tests.Goldens.Own;

/// <summary>
/// A float64 that may stand on a <see cref="Tape"/>: every operation notes its slopes there, so that a gradient is read off backwards.
/// </summary>
internal readonly record struct Num(double Value, int Node = Num.Constant)
{
    public const int Constant = -1;

    public static implicit operator Num(double value) => new(value);

    public static Num operator +(Num a, Num b) => Tape.Note(a.Value + b.Value, a, 1, b, 1);

    public static Num operator -(Num a, Num b) => Tape.Note(a.Value - b.Value, a, 1, b, -1);

    public static Num operator *(Num a, Num b) => Tape.Note(a.Value * b.Value, a, b.Value, b, a.Value);

    public static Num operator /(Num a, Num b) => Tape.Note(a.Value / b.Value, a, 1 / b.Value, b, -a.Value / (b.Value * b.Value));

    public static Num Exp(Num x) => Tape.Note(Math.Exp(x.Value), x, Math.Exp(x.Value), 0, 0);

    public static Num Log(Num x) => Tape.Note(Math.Log(x.Value), x, 1 / x.Value, 0, 0);

    public static Num Sqrt(Num x) => Tape.Note(Math.Sqrt(x.Value), x, 0.5 / Math.Sqrt(x.Value), 0, 0);

    public static Num Tanh(Num x) => Tape.Note(Math.Tanh(x.Value), x, 1 - (Math.Tanh(x.Value) * Math.Tanh(x.Value)), 0, 0);

    public static Num Sum(IEnumerable<Num> terms) => terms.Aggregate((Num)0, (sum, term) => sum + term);
}

/// <summary>The operations since it was started on this thread.</summary>
internal sealed class Tape : IDisposable
{
    [ThreadStatic]
    private static Tape? s_current;

    private readonly List<(int A, double SlopeA, int B, double SlopeB)> _operations = [];

    public static Tape Start() => s_current = new Tape();

    public Num Variable(double value)
    {
        _operations.Add((Num.Constant, 0, Num.Constant, 0));
        return new(value, _operations.Count - 1);
    }

    public static Num Note(double value, Num a, double slopeA, Num b, double slopeB)
    {
        if (a.Node == Num.Constant && b.Node == Num.Constant)
        {
            return new(value);
        }
        s_current!._operations.Add((a.Node, slopeA, b.Node, slopeB));
        return new(value, s_current._operations.Count - 1);
    }

    /// <returns>The slope of <paramref name="result"/> along every number on the tape, by its node.</returns>
    public double[] Gradient(Num result)
    {
        var gradient = new double[_operations.Count];
        if (result.Node == Num.Constant)
        {
            return gradient;
        }
        gradient[result.Node] = 1;
        for (var node = result.Node; node >= 0; node--)
        {
            var (a, slopeA, b, slopeB) = _operations[node];
            if (a != Num.Constant)
            {
                gradient[a] += gradient[node] * slopeA;
            }
            if (b != Num.Constant)
            {
                gradient[b] += gradient[node] * slopeB;
            }
        }
        return gradient;
    }

    public void Dispose() => s_current = null;
}
