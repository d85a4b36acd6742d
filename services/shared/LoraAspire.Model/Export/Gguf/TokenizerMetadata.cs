using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Export.Gguf;

/// <summary>A model's tokenizer as the metadata of a GGUF file.</summary>
internal sealed class TokenizerMetadata
{
    /// <summary>Of tokens that are no pieces: below every piece's, so that no merge finds them.</summary>
    private const float NoScore = -1000;

    /// <summary>Many times the longest token of any vocabulary.</summary>
    private const int LongestToken = 1 << 16;

    /// <summary>The numbers are those of SentencePiece's proto.</summary>
    private enum TokenType { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 }

    private readonly string _folder;
    private readonly HfTokenizer _tokenizer;
    private readonly List<string> _tokens = [];
    private readonly List<float> _scores = [];
    private readonly List<int> _types = [];
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);

    /// <param name="rows">Of the embedding: there are as many tokens, those without a text filled in.</param>
    /// <exception cref="ModelException">llama.cpp can't run such a tokenizer, or it doesn't fit the model.</exception>
    public TokenizerMetadata(string folder, HfTokenizer tokenizer, int rows)
    {
        (_folder, _tokenizer) = (folder, tokenizer);
        if (tokenizer.VocabSize > rows)
        {
            throw new ModelException($"{folder}: the tokenizer has {tokenizer.VocabSize} tokens, the model {rows}. Export the "
                + "tokenizer that was trained with it, or resize the model.");
        }
        if (tokenizer is SentencePieceTokenizer { Model.ByteFallback: false })
        {
            throw new ModelException($"{folder}: the tokenizer has no pieces for bytes, which llama.cpp writes unknown letters with: it "
                + "can't be exported to GGUF.");
        }
        for (var id = 0; id < rows; id++)
        {
            var (text, score, type) = tokenizer.Knows(id) ? Token(id) : ("", NoScore, TokenType.Unused);
            Add(id, text, score, type);
        }
    }

    /// <summary>What llama.cpp does otherwise, in words.</summary>
    public IEnumerable<string> Remarks() => _tokenizer switch
    {
        ByteLevelTokenizer bpe => PreTokenizer.Remarks(bpe),
        SentencePieceTokenizer { Model.RemoveExtraWhitespaces: true } =>
            ["llama.cpp keeps runs of spaces, which this tokenizer takes for one: such texts get other tokens."],
        _ => [],
    };

    /// <param name="end">A token beside EOS that ends an answer.</param>
    public void Describe(GgufMetadata metadata, int? end)
    {
        metadata.Add("tokenizer.ggml.model", _tokenizer is ByteLevelTokenizer ? "gpt2" : "llama");
        if (_tokenizer is ByteLevelTokenizer bpe)
        {
            metadata.Add("tokenizer.ggml.pre", PreTokenizer.Of(bpe)).Add("tokenizer.ggml.tokens", _tokens)
                .Add("tokenizer.ggml.token_type", _types).Add("tokenizer.ggml.merges", ByteLevelTokenizer.MergesOf(_folder));
        }
        else
        {
            var model = ((SentencePieceTokenizer)_tokenizer).Model;
            metadata.Add("tokenizer.ggml.pre", "default").Add("tokenizer.ggml.tokens", _tokens).Add("tokenizer.ggml.scores", _scores)
                .Add("tokenizer.ggml.token_type", _types).Add("tokenizer.ggml.add_space_prefix", model.AddDummyPrefix);
            if (model.UnkId >= 0 && model.UnkId < _tokens.Count)
            {
                metadata.Add("tokenizer.ggml.unknown_token_id", model.UnkId);
            }
        }
        metadata.Add("tokenizer.ggml.add_bos_token", _tokenizer.BosId >= 0).Add("tokenizer.ggml.add_eos_token", false)
            .Add("tokenizer.ggml.eos_token_id", _tokenizer.EosId);
        if (_tokenizer.BosId >= 0)
        {
            metadata.Add("tokenizer.ggml.bos_token_id", _tokenizer.BosId);
        }
        if (end is { } other && other != _tokenizer.EosId && other < _tokens.Count)
        {
            metadata.Add("tokenizer.ggml.eot_token_id", other);
        }
        if (PadId() is { } pad)
        {
            metadata.Add("tokenizer.ggml.padding_token_id", pad);
        }
    }

    private (string Text, float Score, TokenType Type) Token(int id)
    {
        var text = _tokenizer.Piece(id);
        var added = _tokenizer.IsSpecial(id) ? TokenType.Control : TokenType.UserDefined;
        if (_tokenizer is ByteLevelTokenizer bpe)
        {
            return (text, 0, bpe.IsPiece(id) && !_tokenizer.IsSpecial(id) && !_tokenizer.IsAdded(text) ? TokenType.Normal : added);
        }
        var pieces = ((SentencePieceTokenizer)_tokenizer).Model.Pieces;
        if (id >= pieces.Count)
        {
            return (text, NoScore, added);
        }
        var (piece, score, type) = pieces[id];
        return type switch
        {
            PieceType.Unknown => (piece, score, TokenType.Unknown),
            PieceType.Byte => (piece, score, TokenType.Byte),
            _ when _tokenizer.IsSpecial(id) => (piece, score, TokenType.Control),
            // They are looked for in a text as it is typed, before its spaces are marked.
            PieceType.UserDefined => (piece.Replace(SentencePieceTokenizer.Space, ' '), NoScore, TokenType.UserDefined),
            _ when _tokenizer.IsAdded(piece) => (piece.Replace(SentencePieceTokenizer.Space, ' '), NoScore, TokenType.UserDefined),
            _ => (piece, score, (TokenType)type),
        };
    }

    /// <summary>llama.cpp takes no two tokens of one spelling, and none without.</summary>
    private void Add(int id, string text, float score, TokenType type)
    {
        if (text.Length > LongestToken)
        {
            throw new ModelException($"{_folder}: token {id} is {text.Length} characters long. The tokenizer is damaged.");
        }
        if (text.Length == 0 || !_taken.Add(text))
        {
            (text, score, type) = ($"[PAD{id}]", NoScore, TokenType.Unused);
            while (!_taken.Add(text))
            {
                text = $"[{text}]";
            }
        }
        _tokens.Add(text);
        _scores.Add(score);
        _types.Add((int)type);
    }

    private int? PadId()
    {
        var config = Path.Combine(_folder, "tokenizer_config.json");
        var text = !File.Exists(config) ? null
            : JsonFile.Read(config, "tokenizer file", root => SpecialTokens.Spelling(root, "pad_token"));
        return text is { Length: > 0 } && _tokens.IndexOf(text) is var id and >= 0 ? id : null;
    }
}
