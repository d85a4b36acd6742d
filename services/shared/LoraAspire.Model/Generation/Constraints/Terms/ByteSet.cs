namespace LoraAspire.Model.Generation.Constraints.Terms;

/// <summary>Which of the 256 bytes.</summary>
internal readonly record struct ByteSet(UInt128 Low, UInt128 High)
{
    public bool IsEmpty => Low == 0 && High == 0;

    public static ByteSet Of(int value) => value < 128 ? new(UInt128.One << value, 0) : new(0, UInt128.One << (value - 128));

    /// <summary>Both ends belong to it.</summary>
    public static ByteSet Range(int first, int last)
    {
        var set = default(ByteSet);
        for (var value = first; value <= last; value++)
        {
            set |= Of(value);
        }
        return set;
    }

    public static ByteSet Of(string ascii) => ascii.Aggregate(default(ByteSet), (set, letter) => set | Of(letter));

    public bool Contains(int value) => ((value < 128 ? Low >> value : High >> (value - 128)) & 1) != 0;

    public static ByteSet operator |(ByteSet a, ByteSet b) => new(a.Low | b.Low, a.High | b.High);
}
