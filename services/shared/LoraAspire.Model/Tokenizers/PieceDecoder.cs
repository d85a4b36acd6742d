using System.Buffers;
using System.Text;

namespace LoraAspire.Model.Tokenizers;

/// <summary>Joins pieces as SentencePiece's decoder does: the prefix space goes, and a run of byte pieces is read as UTF-8.</summary>
internal sealed class PieceDecoder(bool dropLeadingSpace, bool dropAllLeadingSpaces)
{
    private readonly StringBuilder _text = new();
    private readonly List<byte> _bytes = [];
    private bool _atStart = true;
    private bool _sawLeadingSpace;

    public void AddByte(byte value) => _bytes.Add(value);

    /// <summary>Text that no space rule touches: nothing for a control token, the surface of an unknown one.</summary>
    public void Add(string text)
    {
        EndOfPrefix();
        _text.Append(text);
        _sawLeadingSpace = false;
    }

    public void AddPiece(string piece)
    {
        EndOfPrefix();
        var drop = _atStart && dropLeadingSpace && piece.StartsWith(SentencePieceTokenizer.Space);
        _sawLeadingSpace = drop && !dropAllLeadingSpaces;
        _text.Append(drop ? piece.AsSpan(1) : piece);
        _text.Replace(SentencePieceTokenizer.Space, ' ', _text.Length - piece.Length + (drop ? 1 : 0), piece.Length - (drop ? 1 : 0));
    }

    public string Finish()
    {
        FlushBytes();
        return _text.ToString();
    }

    private void EndOfPrefix()
    {
        FlushBytes();
        if (_sawLeadingSpace || _text.Length > 0)
        {
            _atStart = false;
        }
    }

    private void FlushBytes()
    {
        var rest = _bytes.ToArray().AsSpan();
        _bytes.Clear();
        while (rest.Length > 0)
        {
            var valid = Rune.DecodeFromUtf8(rest, out var rune, out var length) == OperationStatus.Done;
            // .NET takes a truncated sequence as one fault; SentencePiece gives one U+FFFD per byte.
            _text.Append(valid ? rune.ToString() : "\uFFFD");
            rest = rest[(valid ? length : 1)..];
        }
    }
}
