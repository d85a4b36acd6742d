using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Prompts;

/// <summary>
/// Text of a template and of data → tokens. Special tokens that stand in the template become their ids; the same letters in data stay
/// letters. What is between two of them is encoded as one text, so that the ids are those of the whole text wherever data spells no
/// special token.
/// </summary>
internal static class SegmentEncoding
{
    /// <param name="learned">[Start, End) in UTF-16 units, ascending. A token is learned when it starts in one of them.</param>
    public static List<RowToken> Encode(HfTokenizer tokenizer, IReadOnlyList<ChatSegment> segments,
        IReadOnlyList<(int Start, int End)> learned)
    {
        var text = string.Concat(segments.Select(segment => segment.Text));
        List<RowToken> tokens = new((text.Length / 3) + 8);
        var from = 0;
        foreach (var marker in Markers(tokenizer, text, segments))
        {
            // A token that takes the white space around it may leave nothing, or overlap with the one before.
            AddText(text, from, Math.Max(from, marker.Start), tokenizer, learned, tokens);
            tokens.Add(new(marker.Id, learned.Any(turn => marker.At >= turn.Start && marker.At < turn.End), Special: true));
            from = marker.End;
        }
        AddText(text, from, text.Length, tokenizer, learned, tokens);
        return tokens;
    }

    private static IEnumerable<Marker> Markers(HfTokenizer tokenizer, string text, IReadOnlyList<ChatSegment> segments)
    {
        for (int i = 0, start = 0; i < segments.Count;)
        {
            var end = start;
            var isTemplate = segments[i].IsTemplate;
            for (; i < segments.Count && segments[i].IsTemplate == isTemplate; i++)
            {
                end += segments[i].Text.Length;
            }
            foreach (var marker in isTemplate ? tokenizer.Markers(text, start, end) : [])
            {
                yield return marker;
            }
            start = end;
        }
    }

    private static void AddText(string text, int from, int to, HfTokenizer tokenizer, IReadOnlyList<(int Start, int End)> learned,
        List<RowToken> tokens)
    {
        if (from >= to)
        {
            return;
        }
        var stretch = text[from..to];
        var ids = Ids(tokenizer, stretch, from);
        var first = tokens.Count;
        tokens.AddRange(ids.Select(id => new RowToken(id, Learned: false, Special: false)));
        foreach (var turn in learned)
        {
            if (turn.Start >= to || turn.End <= from)
            {
                continue;
            }
            var end = TokenAt(tokenizer, stretch, ids, turn.End - from, from);
            for (var i = TokenAt(tokenizer, stretch, ids, turn.Start - from, from); i < end; i++)
            {
                tokens[first + i] = tokens[first + i] with { Learned = true };
            }
        }
    }

    private static int[] Ids(HfTokenizer tokenizer, string stretch, int from) =>
        from > 0 && tokenizer.PrefixesOnce ? tokenizer.EncodeContinuation(stretch) : tokenizer.Encode(stretch, addBos: false);

    /// <summary>The first token that starts at the border or after it.</summary>
    private static int TokenAt(HfTokenizer tokenizer, string stretch, int[] ids, int border, int from)
    {
        if (border <= 0 || border >= stretch.Length)
        {
            return border <= 0 ? 0 : ids.Length;
        }
        var before = Ids(tokenizer, stretch[..border], from);
        var at = ids.AsSpan().CommonPrefixLength(before);
        // A token that lies over the border: the bytes that are still before it tell how many tokens they take.
        var bytes = before.Skip(at).Sum(id => tokenizer.Bytes(id).Length);
        while (bytes > 0 && at < ids.Length)
        {
            bytes -= tokenizer.Bytes(ids[at++]).Length;
        }
        return at;
    }
}
