namespace LoraAspire.Model.Generation.Cpu.Matrices;

/// <summary>Weights W [outputs, inputs] in one of the forms that products are written for.</summary>
internal abstract unsafe class Matrix(int outputs, int inputs, IDisposable? owner) : IDisposable
{
    /// <summary>What a row's width is rounded up to: whole vectors of every width, and whole blocks of Q8_0.</summary>
    public const int Step = 32;

    /// <summary>Outputs that a thread takes at once.</summary>
    private const int Share = 8;

    public int Outputs { get; } = outputs;
    public int Inputs { get; } = inputs;

    public static int Padded(int width) => (width + Step - 1) & ~(Step - 1);

    /// <summary>
    /// x·Wᵀ of rows <paramref name="first"/> to first + count − 1, for outputs <paramref name="from"/> to <paramref name="to"/>.
    /// </summary>
    /// <param name="target">Where row 0 goes.</param>
    public abstract void Multiply(RowBuffer x, int first, int count, int from, int to, Target target);

    /// <summary>One output's weights [inputs] as float32.</summary>
    public abstract void Read(int output, float* to);

    /// <summary>The outputs of one of the members of a team: whole shares, the same ones in every step.</summary>
    public (int From, int To) Part(int member, int members)
    {
        long shares = (Outputs + Share - 1) / Share;
        return ((int)(shares * member / members) * Share, (int)Math.Min(Outputs, shares * (member + 1) / members * Share));
    }

    public void Dispose() => owner?.Dispose();
}
