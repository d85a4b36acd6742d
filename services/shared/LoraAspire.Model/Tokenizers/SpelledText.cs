using System.Text;

namespace LoraAspire.Model.Tokenizers;

/// <summary>Ids as the model sees them, as a text: special tokens by their spelling, where decoding leaves them out.</summary>
public static class SpelledText
{
    public static string Of(ReadOnlySpan<int> ids, HfTokenizer tokenizer)
    {
        StringBuilder text = new();
        var isFirst = true;
        for (int start = 0, end; start < ids.Length; start = end)
        {
            var special = IsSpecial(ids[start]);
            for (end = start + 1; end < ids.Length && IsSpecial(ids[end]) == special; end++)
            {
            }
            var stretch = ids[start..end];
            // Only a text's own start has a space mark that isn't in the text; decoding takes it away there.
            text.Append(special ? string.Concat(stretch.ToArray().Select(tokenizer.Piece))
                : isFirst ? tokenizer.Decode(stretch)
                : Encoding.UTF8.GetString([.. stretch.ToArray().SelectMany(tokenizer.Bytes)]));
            isFirst &= special;
        }
        return text.ToString();

        bool IsSpecial(int id) => tokenizer.Bytes(id).Length == 0;
    }
}
