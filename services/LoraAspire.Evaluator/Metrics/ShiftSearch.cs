namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// tercom's search: as long as moving a run of words that stands elsewhere in the reference saves edits, the move that saves most is made,
/// at the price of one edit. Of moves that save as much the longest is taken, then the earliest, then the one to the earliest place.
/// </summary>
internal static class ShiftSearch
{
    private const int MaxRun = 10, MaxDistance = 50, MaxCandidates = 1000;

    /// <summary>Edits, moves among them, that make words the reference.</summary>
    public static int Edits(int[] words, int[] reference)
    {
        if (reference.Length == 0)
        {
            return words.Length;
        }
        BandedEdits edits = new(reference, words.Length);
        var (shifts, candidates) = (0, 0);
        while (true)
        {
            var distance = edits.Keep(words);
            var best = Best(words, reference, edits, distance, ref candidates);
            // What was found when the limit is reached isn't made: sacrebleu stops there.
            if (candidates >= MaxCandidates || best is not { Saved: > 0 } shift)
            {
                return shifts + distance;
            }
            shifts++;
            words = Moved(words, shift.Start, shift.Length, shift.Target).Words;
        }
    }

    private static Shift? Best(int[] words, int[] reference, BandedEdits edits, int distance, ref int candidates)
    {
        var (partner, referenceWrong, wordWrong) = edits.Alignment();
        Shift? best = null;
        foreach (var (start, at, length) in Runs(words, reference))
        {
            // Only words that are wrong move, to where the reference lacks them, and not into themselves.
            if (!wordWrong.AsSpan(start, length).Contains(true) || !referenceWrong.AsSpan(at, length).Contains(true)
                || start <= partner[at] && partner[at] < start + length)
            {
                continue;
            }
            var tried = -1;
            for (var offset = -1; offset < length && at + offset < reference.Length; offset++)
            {
                var target = at + offset < 0 ? 0 : partner[at + offset] + 1;
                if (target == tried)
                {
                    continue;
                }
                tried = target;
                var (moved, first, last) = Moved(words, start, length, target);
                Shift candidate = new(distance - edits.Distance(moved, first, last), length, start, target);
                candidates++;
                best = best is null || candidate.CompareTo(best.Value) > 0 ? candidate : best;
            }
            if (candidates >= MaxCandidates)
            {
                break;
            }
        }
        return best;
    }

    /// <summary>Runs that both have, each length from 1 on, at places not too far apart.</summary>
    private static IEnumerable<(int Start, int At, int Length)> Runs(int[] words, int[] reference)
    {
        for (var start = 0; start < words.Length; start++)
        {
            var end = Math.Min(reference.Length - 1, start + MaxDistance);
            for (var at = Math.Max(0, start - MaxDistance); at <= end; at++)
            {
                for (var length = 1; length <= MaxRun && start + length <= words.Length && at + length <= reference.Length
                    && words[start + length - 1] == reference[at + length - 1]; length++)
                {
                    yield return (start, at, length);
                }
            }
        }
    }

    /// <summary>The words with a run of them before <paramref name="target"/>, and between which places they differ.</summary>
    private static (int[] Words, int First, int Last) Moved(int[] words, int start, int length, int target)
    {
        var run = words.AsSpan(start, length);
        if (target < start)
        {
            return ([.. words[..target], .. run, .. words[target..start], .. words[(start + length)..]], target, start + length);
        }
        // A place within the run counts from the run's start, among the words behind it.
        var behind = target > start + length ? target : Math.Min(words.Length, target + length);
        return ([.. words[..start], .. words[(start + length)..behind], .. run, .. words[behind..]], start, behind);
    }

    private readonly record struct Shift(int Saved, int Length, int Start, int Target) : IComparable<Shift>
    {
        public int CompareTo(Shift other) =>
            (Saved, Length, -Start, -Target).CompareTo((other.Saved, other.Length, -other.Start, -other.Target));
    }
}
