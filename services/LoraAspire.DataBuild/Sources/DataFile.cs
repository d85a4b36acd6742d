using System.IO.Compression;
using System.Text;
using LoraAspire.Model;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>A data file by the name that the YAML gives it, gzipped or not: its first bytes tell.</summary>
internal sealed record DataFile(string Name, string Path)
{
    /// <summary>Told what is read; may be null.</summary>
    internal ReadMeter? Meter { get; init; }

    /// <summary>Told what the user should know of how the file was read.</summary>
    internal Action<string> Tell { get; init; } = _ => { };

    /// <summary>
    /// No sentence, template or line of a catalogue is as long; a file without line ends is none of them, and would be held in memory
    /// whole.
    /// </summary>
    private const int LongestLine = 4 << 20;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static DataFile Find(DataRoot data, string name) => new(name, data.Resolve(name));

    /// <summary>What is damaged in a gzip file is said while it is read. Only a file that isn't gzipped can be read from its end.</summary>
    public Stream Open()
    {
        LfsPointer.Refuse(Path);
        var file = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 17);
        Meter?.Opened(file);
        var (first, second) = (file.ReadByte(), file.ReadByte());
        file.Position = 0;
        return (first, second) == (0x1F, 0x8B) ? new Unpacked(Name, file) : file;
    }

    /// <summary>
    /// The file's text as UTF-8. One in UTF-16, as Windows programs write it, is converted on the way: its mark tells, or that every other
    /// byte of its beginning is 0, which no text in UTF-8 has.
    /// </summary>
    public Stream OpenText()
    {
        Span<byte> start = stackalloc byte[4];
        using (var peek = (this with { Meter = null }).Open())
        {
            start = start[..peek.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        if (Utf16(start) is not { } bigEndian)
        {
            return Open();
        }
        Tell($"{Name} is in UTF-16; it was read as that.");
        return Encoding.CreateTranscodingStream(Open(),
            new UnicodeEncoding(bigEndian, byteOrderMark: true, throwOnInvalidBytes: true), Strict);
    }

    /// <summary>Whether the higher byte comes first; null where it isn't UTF-16.</summary>
    private static bool? Utf16(ReadOnlySpan<byte> start) => start switch
    {
        [0xFF, 0xFE, ..] => false,
        [0xFE, 0xFF, ..] => true,
        [not 0, 0, not 0, 0] => false,
        [0, not 0, 0, not 0] => true,
        _ => null,
    };

    /// <summary>The lines that are not blank, or all, with their numbers from 1.</summary>
    /// <exception cref="StageException">A line is not UTF-8, or has no end; the message gives file and line.</exception>
    public IEnumerable<(long Number, string Text)> Lines(bool withBlank = false)
    {
        using var stream = new BufferedStream(OpenText(), 1 << 17);
        List<byte> line = [];
        for (var number = 1L; ; number++)
        {
            line.Clear();
            int value;
            while ((value = Next(stream)) is not (-1 or '\n'))
            {
                line.Add((byte)value);
                if (line.Count > LongestLine)
                {
                    throw new StageException($"{Name}:{number}: the line is longer than {LongestLine >> 20} MiB. Is the file a text with "
                        + "line ends? Look at it, or convert it.");
                }
            }
            var text = Decode(line, number).TrimEnd('\r');
            text = number == 1 ? text.TrimStart('\uFEFF') : text;
            if (withBlank ? value == '\n' || text.Length > 0 : text.Trim().Length > 0)
            {
                yield return (number, text);
            }
            if (value == -1)
            {
                yield break;
            }
        }
    }

    private int Next(BufferedStream stream)
    {
        try
        {
            return stream.ReadByte();
        }
        catch (DecoderFallbackException e)
        {
            throw new StageException($"{Name}: {NotUtf16}.", inner: e);
        }
    }

    internal const string NotUtf16 =
        "holds half a character of UTF-16: it was cut off or damaged. Copy it again, or convert it with iconv -f UTF-16 -t UTF-8";

    private string Decode(List<byte> line, long number)
    {
        try
        {
            return Strict.GetString([.. line]);
        }
        catch (DecoderFallbackException e)
        {
            throw new StageException($"{Name}:{number}: not UTF-8 (byte {e.Index + 1} of the line). Convert the file, for example with "
                + "iconv -f GB18030 -t UTF-8.", inner: e);
        }
    }

    private sealed class Unpacked(string name, Stream packed) : GZipStream(packed, CompressionMode.Decompress)
    {
        /// <summary>What reads into a span comes here too: the base sees to that for whoever derives from it.</summary>
        public override int Read(byte[] buffer, int offset, int count)
        {
            try
            {
                return base.Read(buffer, offset, count);
            }
            catch (InvalidDataException e)
            {
                throw new StageException($"{name}: the gzip file is damaged: {e.Message} Copy it again.", inner: e);
            }
        }
    }
}
