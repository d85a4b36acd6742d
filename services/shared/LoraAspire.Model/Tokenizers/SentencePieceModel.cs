using System.Text;
using Google.Protobuf;

namespace LoraAspire.Model.Tokenizers;

internal enum PieceType { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 }

internal readonly record struct VocabularyPiece(string Text, float Score, PieceType Type);

/// <summary>
/// What a SentencePiece <c>tokenizer.model</c> (a protobuf ModelProto) says, as far as BPE needs it. Defaults are the proto's own.
/// </summary>
internal sealed class SentencePieceModel
{
    public List<VocabularyPiece> Pieces { get; } = [];
    public int UnkId { get; private set; }
    public int BosId { get; private set; } = 1;
    public int EosId { get; private set; } = 2;
    public string UnkSurface { get; private set; } = " \u2047 ";
    public bool ByteFallback { get; private set; }
    public bool AddDummyPrefix { get; private set; } = true;
    public bool RemoveExtraWhitespaces { get; private set; } = true;

    private const int Bpe = 2;
    private int _modelType = 1;
    private bool _whitespaceAsSuffix;
    private bool _escapeWhitespaces = true;
    private int _charsmapLength;

    /// <summary>A model with byte fallback that keeps white space as it is, as Llama's.</summary>
    public static SentencePieceModel Of(IReadOnlyList<VocabularyPiece> pieces, int unkId, bool addDummyPrefix)
    {
        SentencePieceModel model = new()
        {
            UnkId = unkId,
            BosId = -1,
            EosId = -1,
            ByteFallback = true,
            AddDummyPrefix = addDummyPrefix,
            RemoveExtraWhitespaces = false
        };
        model.Pieces.AddRange(pieces);
        return model;
    }

    /// <exception cref="ModelException">No SentencePiece model, or a damaged one.</exception>
    /// <exception cref="ModelException">A unigram, word or char model, or one with a normalisation table.</exception>
    public static SentencePieceModel Load(string path)
    {
        SentencePieceModel model = new();
        try
        {
            model.Read(new CodedInputStream(WholeFile.Read(path, "SentencePiece model")));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ModelException(
                $"{path} is not a SentencePiece model, or it is damaged: {e.Message} Copy it again from the base model.", e);
        }
        if (model.Pieces.Count == 0)
        {
            throw new ModelException(
                $"{path} holds no pieces: it is no SentencePiece model, or it is empty. Copy it again from the base model.");
        }
        if (model.Pieces.Find(
            piece => !Enum.IsDefined(piece.Type) || piece.Type == PieceType.Byte && !IsByte(piece.Text)) is { Text: not null } wrong)
        {
            throw new ModelException($"{path}: its piece '{wrong.Text}' is of a type ({wrong.Type}) that it can't be. The file is "
                + "damaged: copy it again from the base model.");
        }
        if (model._modelType != Bpe)
        {
            throw new ModelException(
                $"{path} is a SentencePiece model of another kind than BPE, the kind of the Llama family; only BPE is supported.");
        }
        if (model._charsmapLength > 0 || model._whitespaceAsSuffix || !model._escapeWhitespaces)
        {
            throw new ModelException($"{path} normalises text by a table or marks spaces in another way than Llama's; only identity "
                + "normalisation with a space before the word is supported.");
        }
        return model;
    }

    /// <summary>&lt;0x00&gt; to &lt;0xFF&gt;</summary>
    internal static bool IsByte(string piece) =>
        piece is ['<', '0', 'x', var high, var low, '>'] && char.IsAsciiHexDigit(high) && char.IsAsciiHexDigit(low);

    private void Read(CodedInputStream input)
    {
        while (input.ReadTag() is var tag and not 0)
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1: Pieces.Add(ReadPiece(input.ReadBytes().CreateCodedInput())); break;
                case 2: ReadTrainer(input.ReadBytes().CreateCodedInput()); break;
                case 3: ReadNormalizer(input.ReadBytes().CreateCodedInput()); break;
                default: input.SkipLastField(); break;
            }
        }
    }

    private static VocabularyPiece ReadPiece(CodedInputStream input)
    {
        var (text, score, type) = ("", 0f, PieceType.Normal);
        while (input.ReadTag() is var tag and not 0)
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1: text = Encoding.UTF8.GetString(input.ReadBytes().Span); break;
                case 2: score = input.ReadFloat(); break;
                case 3: type = (PieceType)input.ReadEnum(); break;
                default: input.SkipLastField(); break;
            }
        }
        return new(text, score, type);
    }

    private void ReadTrainer(CodedInputStream input)
    {
        while (input.ReadTag() is var tag and not 0)
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 3: _modelType = input.ReadEnum(); break;
                case 24: _whitespaceAsSuffix = input.ReadBool(); break;
                case 35: ByteFallback = input.ReadBool(); break;
                case 40: UnkId = input.ReadInt32(); break;
                case 41: BosId = input.ReadInt32(); break;
                case 42: EosId = input.ReadInt32(); break;
                case 44: UnkSurface = Encoding.UTF8.GetString(input.ReadBytes().Span); break;
                default: input.SkipLastField(); break;
            }
        }
    }

    private void ReadNormalizer(CodedInputStream input)
    {
        while (input.ReadTag() is var tag and not 0)
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 2: _charsmapLength = input.ReadBytes().Length; break;
                case 3: AddDummyPrefix = input.ReadBool(); break;
                case 4: RemoveExtraWhitespaces = input.ReadBool(); break;
                case 5: _escapeWhitespaces = input.ReadBool(); break;
                default: input.SkipLastField(); break;
            }
        }
    }
}
