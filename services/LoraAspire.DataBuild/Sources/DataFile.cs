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

    /// <summary>
    /// No sentence, template or line of a catalogue is as long; a file without line ends is none of them, and would be held in memory
    /// whole.
    /// </summary>
    private const int LongestLine = 4 << 20;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static DataFile Find(DataRoot data, string name) => new(name, data.Resolve(name));

    public Stream Open()
    {
        LfsPointer.Refuse(Path);
        var file = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 17);
        Meter?.Opened(file);
        var (first, second) = (file.ReadByte(), file.ReadByte());
        file.Position = 0;
        return (first, second) == (0x1F, 0x8B) ? new GZipStream(file, CompressionMode.Decompress) : file;
    }

    /// <summary>The lines that are not blank, or all, with their numbers from 1.</summary>
    /// <exception cref="StageException">A line is not UTF-8, or has no end; the message gives file and line.</exception>
    public IEnumerable<(long Number, string Text)> Lines(bool withBlank = false)
    {
        using var stream = new BufferedStream(Open(), 1 << 17);
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
        catch (InvalidDataException e)
        {
            throw new StageException($"{Name}: the gzip file is damaged: {e.Message} Copy it again.", inner: e);
        }
    }

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
}
