using System.Text;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources.Tables;

/// <summary>The part of a JSON file that is in memory: as long as what isn't read through yet.</summary>
/// <param name="longest">Bytes that are held at most.</param>
internal sealed class JsonWindow(DataFile file, int longest) : IDisposable
{
    private readonly Stream _stream = file.OpenText();
    private byte[] _buffer = new byte[1 << 17];
    private int _filled;

    public ReadOnlySpan<byte> Data => Memory.Span;

    public ReadOnlyMemory<byte> Memory => _buffer.AsMemory(0, _filled);

    /// <summary>Nothing comes after <see cref="Data"/>.</summary>
    public bool End { get; private set; }

    /// <summary>Reads on. False when as much as is ever held is there already.</summary>
    public bool Fill()
    {
        if (_filled == _buffer.Length)
        {
            if (_filled >= longest)
            {
                return false;
            }
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }
        try
        {
            var read = _stream.ReadAtLeast(_buffer.AsSpan(_filled), _buffer.Length - _filled, throwOnEndOfStream: false);
            End = read < _buffer.Length - _filled;
            _filled += read;
            return true;
        }
        catch (DecoderFallbackException e)
        {
            throw new StageException($"{file.Name}: {DataFile.NotUtf16}.", inner: e);
        }
    }

    /// <summary>What was read through goes.</summary>
    public void Consume(int count)
    {
        _buffer.AsSpan(count, _filled - count).CopyTo(_buffer);
        _filled -= count;
    }

    /// <summary>The first reading, without the mark that some programs put before UTF-8.</summary>
    public void Begin()
    {
        Fill();
        if (Data.StartsWith("\uFEFF"u8))
        {
            Consume(3);
        }
    }

    public void Dispose() => _stream.Dispose();
}
