namespace LoraAspire.Model.Generation.Constraints.Patterns;

/// <summary>A range of scalar values as sequences of ranges of bytes (R. Cox, Regular Expression Matching in the Wild, 2010).</summary>
internal static class Utf8Ranges
{
    private static readonly int[] s_lastOfLength = [0x7F, 0x7FF, 0xFFFF];

    /// <param name="first">No surrogate, nor any between it and <paramref name="last"/>.</param>
    public static IEnumerable<(byte First, byte Last)[]> Of(int first, int last)
    {
        foreach (var longest in s_lastOfLength)
        {
            if (first <= longest && last > longest)
            {
                return Of(first, longest).Concat(Of(longest + 1, last));
            }
        }
        for (var tails = 1; tails <= 3 && last > s_lastOfLength[0]; tails++)
        {
            // Whole blocks alone: what differs in the front bytes must take all values of the bytes behind.
            var mask = (1 << (6 * tails)) - 1;
            if ((first & ~mask) == (last & ~mask))
            {
                continue;
            }
            if ((first & mask) != 0)
            {
                return Of(first, first | mask).Concat(Of((first | mask) + 1, last));
            }
            if ((last & mask) != mask)
            {
                return Of(first, (last & ~mask) - 1).Concat(Of(last & ~mask, last));
            }
        }
        return [[.. Bytes(first).Zip(Bytes(last))]];
    }

    private static byte[] Bytes(int value)
    {
        var bytes = new byte[4];
        return bytes[..new System.Text.Rune(value).EncodeToUtf8(bytes)];
    }
}
