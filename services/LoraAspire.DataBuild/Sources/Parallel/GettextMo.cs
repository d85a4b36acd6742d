using System.Buffers.Binary;
using System.Text;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources.Parallel;

/// <summary>
/// A compiled gettext catalogue (GNU gettext manual, "The Format of GNU MO Files"): two tables of lengths and offsets, in the byte order
/// that the magic number tells. A context stands before the msgid with a byte 4 between, plural forms behind it with a byte 0. Held in
/// memory: catalogues are small.
/// </summary>
internal static class GettextMo
{
    private const uint Magic = 0x950412DE;
    private const int LargestCatalogue = 64 << 20;

    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    public static IEnumerable<FoundPair> Read(DataFile file)
    {
        var bytes = Bytes(file);
        if (bytes.Length < 28)
        {
            throw Wrong(file, "it is shorter than a header");
        }
        var bigEndian = BinaryPrimitives.ReadUInt32LittleEndian(bytes) switch
        {
            Magic => false,
            var other when BinaryPrimitives.ReverseEndianness(other) == Magic => true,
            _ => throw Wrong(file, "it doesn't start with the magic number"),
        };
        uint Number(long at) => at < 0 || at + 4 > bytes.Length ? throw Wrong(file, $"it ends before byte {at + 4}")
            : bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan((int)at))
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan((int)at));
        string Text(long entry)
        {
            var (length, offset) = (Number(entry), Number(entry + 4));
            if ((long)offset + length > bytes.Length)
            {
                throw Wrong(file, $"a text at byte {offset} of length {length} reaches beyond its end");
            }
            try
            {
                return Utf8.GetString(bytes, (int)offset, (int)length);
            }
            catch (DecoderFallbackException e)
            {
                throw new StageException(
                    $"{file.Name}: the text at byte {offset} is not UTF-8. Compile the catalogue again from a UTF-8 .po file.", inner: e);
            }
        }
        var (major, minor) = (Number(4) >> 16, Number(4) & 0xFFFF);
        if (major > 1)
        {
            throw Wrong(file, $"its revision {major}.{minor} is not known");
        }
        var (count, ids, translations) = (Number(8), Number(12), Number(16));
        var row = 0L;
        for (var i = 0L; i < count; i++)
        {
            var id = Text(ids + (i * 8));
            var source = First(id[(id.IndexOf('\u0004') + 1)..]);
            var target = First(Text(translations + (i * 8)));
            if (source.Length > 0)
            {
                yield return new(new(source, target), new(file.Name, row++, 0), target.Length == 0 ? PairFile.Untranslated : null);
            }
        }
        // Since revision x.1 texts with such as PRIu64 in them stand in pieces, in tables of their own.
        var pieces = minor == 0 ? 0 : Number(36);
        if (pieces > bytes.Length)
        {
            throw Wrong(file, $"it claims {pieces} texts in pieces");
        }
        for (var i = 0; i < pieces; i++)
        {
            yield return new(new("", ""), new(file.Name, row++, 0), "format codes that depend on the machine");
        }
    }

    private static string First(string forms) => forms.Split('\0')[0].Trim();

    private static byte[] Bytes(DataFile file)
    {
        using var stream = file.Open();
        using MemoryStream whole = new();
        var part = new byte[1 << 16];
        int read;
        while ((read = stream.Read(part)) > 0)
        {
            if (whole.Length + read > LargestCatalogue)
            {
                throw new StageException($"{file.Name}: larger than {LargestCatalogue >> 20} MiB, which no catalogue is.");
            }
            whole.Write(part, 0, read);
        }
        return whole.ToArray();
    }

    private static StageException Wrong(DataFile file, string words) =>
        new($"{file.Name}: not a readable .mo file: {words}. Compile it again with msgfmt.");
}
