using Microsoft.Win32.SafeHandles;

namespace LoraAspire.Model.Weights;

/// <summary>Bytes of an open file, for as long as it stays open.</summary>
public readonly record struct FileRange(SafeFileHandle File, long Offset, long Length)
{
    /// <exception cref="EndOfStreamException">The file is shorter.</exception>
    internal void Read(Span<byte> bytes, long at)
    {
        for (var done = 0; done < bytes.Length;)
        {
            var read = RandomAccess.Read(File, bytes[done..], Offset + at + done);
            done += read > 0 ? read : throw new EndOfStreamException($"The file ends {bytes.Length - done} bytes early.");
        }
    }
}
