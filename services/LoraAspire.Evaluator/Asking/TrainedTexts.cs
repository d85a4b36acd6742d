using System.Text;
using LoraAspire.Model.Data;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Evaluator.Asking;

/// <summary>Prompts with their answers that training held, by digest: none of them may be measured.</summary>
internal sealed class TrainedTexts
{
    private readonly HashSet<string> _digests = new(StringComparer.Ordinal);
    private HfTokenizer? _tokenizer;
    private Preprocessor? _preprocessor;

    /// <summary>How many were asked for that training held.</summary>
    public int Left { get; private set; }

    /// <summary>All rows of a data set, whose template says how a record of a file would stand in it.</summary>
    public void Add(string folder)
    {
        using var data = DatasetFolder.Open(folder);
        Add(data, Enumerable.Range(0, data.Rows.Count));
        if (PromptFormat.Of(folder) is { } format)
        {
            (_tokenizer, _preprocessor) =
                (data.Tokenizer, new(data.Tokenizer, format, new(data.Facts.CutoffLen, data.Facts.TrainOnInputs)));
        }
    }

    public void Add(DatasetFolder data, IEnumerable<int> rows) => _digests.UnionWith(rows.Select(row => Digest(data, row)));

    public bool Holds(DatasetFolder data, int row) => Counted(_digests.Contains(Digest(data, row)));

    /// <summary>Whether training held the record of a file with any of its answers.</summary>
    public bool Holds(HeldOutRow row) => Counted(_preprocessor is not null && row.References.Any(answer => _digests.Contains(
        Digest(_tokenizer!, _preprocessor.Row(row.Question, row.Input, answer).InputIds))));

    private bool Counted(bool held)
    {
        Left += held ? 1 : 0;
        return held;
    }

    private static string Digest(DatasetFolder data, int row) => Digest(data.Tokenizer, data.Rows.InputIds(row));

    /// <summary>Of the text: another tokenizer cuts it otherwise.</summary>
    private static string Digest(HfTokenizer tokenizer, ReadOnlySpan<int> ids) =>
        FileDigest.OfBytes(Encoding.UTF8.GetBytes(tokenizer.Decode(ids)));
}
