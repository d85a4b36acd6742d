using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace LoraAspire.Fuzz;

/// <summary>Changes whole inputs in the ways that files are damaged and forged. The same seed and number give the same bytes.</summary>
internal sealed class Mutator(IReadOnlyList<byte[]> corpus, IReadOnlyList<string> words, int seed)
{
    private const int MaxBytes = 1 << 17;
    private const int MaxRepeats = 300;

    private static readonly byte[] Bytes = [0, 1, 0x7f, 0x80, 0xff, .. " \"\\{}[]<>:,\n\r\t-&*!%@#'"u8];
    private static readonly long[] Numbers =
        [0, 1, -1, 7, 255, 256, 65_535, 65_536, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 40, long.MaxValue, long.MinValue];
    private static readonly string[] Texts =
        ["0", "-1", "1", "2147483647", "2147483648", "-2147483649", "9223372036854775808", "1e999", "-1e999", "1e-400", "0.5", "NaN",
            "99999999999999999999999999", "null", "true", "\"\"", "[]", "{}", "\"\\ud800\"", "\"\\u0000\"", "٣"];

    private readonly byte[][] _words = [.. words.Concat(Texts).Select(Encoding.UTF8.GetBytes)];

    public byte[] Input(int number)
    {
        Random random = new(unchecked((seed * 1_000_003) + number));
        List<byte> bytes = [.. corpus[random.Next(corpus.Count)]];
        for (var times = 1 << random.Next(4); times > 0; times--)
        {
            Mutate(bytes, random);
        }
        return [.. bytes.Take(MaxBytes)];
    }

    private void Mutate(List<byte> bytes, Random random)
    {
        if (bytes.Count == 0)
        {
            bytes.AddRange(_words[random.Next(_words.Length)]);
            return;
        }
        var at = random.Next(bytes.Count);
        var length = 1 + random.Next(Math.Min(bytes.Count - at, 1 + random.Next(64)));
        switch (random.Next(13))
        {
            case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
            case 1: bytes[at] = Bytes[random.Next(Bytes.Length)]; break;
            case 2: bytes.InsertRange(at, Enumerable.Range(0, length).Select(_ => (byte)random.Next(256))); break;
            case 3: bytes.RemoveRange(at, length); break;
            case 4: bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length)); break;
            case 5: Repeat(bytes, at, length, 2 + random.Next(MaxRepeats)); break;
            case 6: bytes.InsertRange(at, _words[random.Next(_words.Length)]); break;
            case 7: ReplaceNumber(bytes, at, random); break;
            case 8: bytes.RemoveRange(at, bytes.Count - at); break;
            case 9: Splice(bytes, at, corpus[random.Next(corpus.Count)], random); break;
            case 10: Overwrite(bytes, at, random); break;
            case 11: ReplaceWord(bytes, at, random); break;
            default: bytes.RemoveAt(at); break;
        }
    }

    private static void Repeat(List<byte> bytes, int at, int length, int times)
    {
        var chunk = bytes.GetRange(at, length);
        for (; times > 0 && bytes.Count < MaxBytes; times--)
        {
            bytes.InsertRange(at, chunk);
        }
    }

    /// <summary>The next number that is written in digits becomes one that sizes overflow at.</summary>
    private void ReplaceNumber(List<byte> bytes, int at, Random random)
    {
        static bool IsNumber(byte value) => char.IsAsciiDigit((char)value) || value is (byte)'-' or (byte)'.';
        var start = bytes.FindIndex(at, IsNumber);
        if (start >= 0)
        {
            var end = bytes.FindIndex(start, value => !IsNumber(value));
            bytes.RemoveRange(start, (end < 0 ? bytes.Count : end) - start);
            bytes.InsertRange(start, random.Next(2) == 0
                ? Encoding.ASCII.GetBytes(Numbers[random.Next(Numbers.Length)].ToString(CultureInfo.InvariantCulture))
                : _words[^(1 + random.Next(Texts.Length))]);
        }
    }

    /// <summary>The next run of letters becomes a word of the format.</summary>
    private void ReplaceWord(List<byte> bytes, int at, Random random)
    {
        var start = bytes.FindIndex(at, value => char.IsAsciiLetter((char)value));
        if (start >= 0)
        {
            var end = bytes.FindIndex(start, value => !char.IsAsciiLetterOrDigit((char)value) && value != '_');
            bytes.RemoveRange(start, (end < 0 ? bytes.Count : end) - start);
            bytes.InsertRange(start, _words[random.Next(_words.Length)]);
        }
    }

    private static void Splice(List<byte> bytes, int at, byte[] other, Random random)
    {
        bytes.RemoveRange(at, bytes.Count - at);
        bytes.AddRange(other.AsSpan(random.Next(other.Length)));
    }

    /// <summary>A binary length, offset or count.</summary>
    private static void Overwrite(List<byte> bytes, int at, Random random)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, Numbers[random.Next(Numbers.Length)]);
        if (random.Next(2) == 0)
        {
            number.Reverse();
        }
        var width = 1 << random.Next(4);
        for (var i = 0; i < width && at + i < bytes.Count; i++)
        {
            bytes[at + i] = number[random.Next(2) == 0 ? i : 8 - width + i];
        }
    }
}
