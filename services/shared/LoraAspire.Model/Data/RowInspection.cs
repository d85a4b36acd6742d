using System.Buffers;
using System.Globalization;
using System.Text;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Data;

/// <summary>One token of a row.</summary>
/// <param name="Position">From 0, BOS included.</param>
/// <param name="Piece">The vocabulary's own spelling, such as "▁Hello" or "&lt;0xF0&gt;".</param>
/// <param name="Text">As a person reads it: spaces and line breaks as marks, bytes of a character that is spread over tokens as
/// ⟨F0⟩.</param>
/// <param name="PartOf">That character, where there is one.</param>
/// <param name="CarriesLoss">The model is taught to say it after what stands before it.</param>
/// <param name="IsSpecial">BOS, EOS and the like: no text.</param>
public sealed record InspectedToken(int Position, int Id, string Piece, string Text, string? PartOf, bool CarriesLoss, bool IsSpecial);

/// <summary>A stretch of text, or one special token by its spelling.</summary>
public sealed record RowPart(string Text, bool IsSpecial);

/// <summary>Neighbouring tokens that all carry loss, or all don't.</summary>
/// <param name="Start">Position of the first.</param>
/// <param name="Count">Tokens.</param>
public sealed record RowSegment(int Start, int Count, bool CarriesLoss, IReadOnlyList<RowPart> Parts)
{
    public string Text => string.Concat(Parts.Select(part => part.Text));
}

/// <summary>
/// What is learned of a row: token i is predicted from those before it, with loss where its label says so; the first never is.
/// </summary>
/// <param name="Row">Its number in the data set, from 0.</param>
/// <param name="SourceRow">The record's place in its source, from 0.</param>
/// <param name="Line">The line of the source's file, from 1; 0 where there is none.</param>
/// <param name="EndsWithEos">With EOS, or with the special token under loss that a chat template closes answers with, white space after it
/// aside. False: it was cut, and doesn't teach where the answer ends.</param>
public sealed record RowInspection(
    int Row, string Source, long SourceRow, long Line, IReadOnlyList<RowSegment> Segments, IReadOnlyList<InspectedToken> Tokens,
    bool EndsWithEos)
{
    public int LossTokens => Tokens.Count(token => token.CarriesLoss);

    /// <exception cref="ModelException">The row has an id that the tokenizer doesn't know.</exception>
    public static RowInspection Of(InstructionDataset dataset, HfTokenizer tokenizer, int row)
    {
        var (source, sourceRow, line) = dataset.Origin(row);
        var ids = dataset.InputIds(row).ToArray();
        var labels = dataset.Labels(row);
        if (ids.FirstOrDefault(id => id < 0 || id >= tokenizer.VocabSize, -1) is not -1 and var unknown)
        {
            throw new ModelException($"Row {row} has the id {unknown}, and the tokenizer beside the data set has {tokenizer.VocabSize} "
                + "tokens: it isn't the one that the rows were made with. Build the data set again.");
        }
        var loss = new bool[ids.Length];
        for (var i = 1; i < ids.Length; i++)
        {
            loss[i] = labels[i] != InstructionDataset.NoLoss;
        }
        var bytes = Array.ConvertAll(ids, tokenizer.Bytes);
        var spelled = Spell(bytes);
        var tokens = ids.Select((id, at) => bytes[at].Length == 0
            ? new InspectedToken(at, id, tokenizer.Piece(id), VisibleText.Marked(tokenizer.Piece(id)), null, loss[at], IsSpecial: true)
            : new InspectedToken(at, id, tokenizer.Piece(id), spelled[at].Text, spelled[at].PartOf, loss[at], IsSpecial: false)).ToList();
        return new(row, source, sourceRow, line, [.. Runs(ids, bytes, tokens, tokenizer)], tokens,
            tokens.FindLast(token => token.IsSpecial || !IsBlank(bytes[token.Position])) is { IsSpecial: true } last
                && (last.Id == tokenizer.EosId || last.CarriesLoss));
    }

    private static bool IsBlank(byte[] text) => text.All(letter => letter is (byte)'\n' or (byte)'\r' or (byte)' ');

    private static IEnumerable<RowSegment> Runs(int[] ids, byte[][] bytes, List<InspectedToken> tokens, HfTokenizer tokenizer)
    {
        var firstText = tokens.FindIndex(token => !token.IsSpecial);
        for (int start = 0, end; start < ids.Length; start = end)
        {
            end = EndOf(start, token => token.CarriesLoss == tokens[start].CarriesLoss);
            List<RowPart> parts = [];
            for (int at = start, next; at < end; at = next)
            {
                next = tokens[at].IsSpecial ? at + 1 : Math.Min(end, EndOf(at, token => !token.IsSpecial));
                // Only a text's own start has a space mark that isn't in the text; decoding takes it away there.
                var text = tokens[at].IsSpecial ? tokens[at].Piece : at == firstText ? tokenizer.Decode(ids.AsSpan(at..next))
                    : Encoding.UTF8.GetString([.. bytes[at..next].SelectMany(some => some)]);
                parts.Add(new(text, tokens[at].IsSpecial));
            }
            yield return new(start, end - start, tokens[start].CarriesLoss, parts);
        }

        int EndOf(int start, Predicate<InspectedToken> belongs) =>
            tokens.FindIndex(start, token => !belongs(token)) is >= 0 and var end ? end : tokens.Count;
    }

    /// <summary>
    /// The tokens' bytes, read as one text: whole characters of a token as they are, others byte by byte with the character that they
    /// belong to.
    /// </summary>
    private static (string Text, string? PartOf)[] Spell(byte[][] tokens)
    {
        byte[] all = [.. tokens.SelectMany(token => token)];
        var owner = tokens.SelectMany((token, at) => token.Select(_ => at)).ToArray();
        var text = Array.ConvertAll(tokens, _ => new StringBuilder());
        var partOf = new string?[tokens.Length];
        for (int at = 0, length; at < all.Length; at += length)
        {
            var whole = Rune.DecodeFromUtf8(all.AsSpan(at), out var rune, out length) == OperationStatus.Done;
            if (whole && owner[at] == owner[at + length - 1])
            {
                text[owner[at]].Append(VisibleText.Marked(rune.ToString()));
                continue;
            }
            for (var one = at; one < at + length; one++)
            {
                text[owner[one]].Append(CultureInfo.InvariantCulture, $"⟨{all[one]:X2}⟩");
                partOf[owner[one]] = whole ? VisibleText.Marked(rune.ToString()) : partOf[owner[one]];
            }
        }
        return [.. text.Select((shown, at) => (shown.ToString(), partOf[at]))];
    }
}
