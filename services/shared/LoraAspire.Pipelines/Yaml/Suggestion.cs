namespace LoraAspire.Pipelines.Yaml;

/// <summary>"Did you mean": the known word nearest by edit distance, when it is near enough to be a slip.</summary>
public static class Suggestion
{
    /// <summary>The distance takes time and room by the product of both lengths. No slip is as long.</summary>
    private const int LongestWord = 128;
    /// <summary>A longer list helps nobody to find a word.</summary>
    private const int MostShown = 8;

    public static string For(string word, IEnumerable<string> known)
    {
        var candidates = known.ToList();
        var best = candidates.Where(candidate => word.Length <= LongestWord && candidate.Length <= LongestWord)
            .Select(candidate => (candidate, distance: Distance(word.ToLowerInvariant(), candidate.ToLowerInvariant())))
            .OrderBy(pair => pair.distance).FirstOrDefault();
        return best.candidate is not null && best.distance <= Math.Max(2, best.candidate.Length / 3)
            ? $"did you mean '{best.candidate}'?"
            : candidates.Count == 0 ? "none is known here"
            : candidates.Count > MostShown ? $"the nearest that is known is '{best.candidate ?? candidates[0]}'"
            : $"known: {string.Join(", ", candidates)}";
    }

    /// <summary>Levenshtein's distance, with the swap of two neighbours as one edit.</summary>
    public static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    d[i, j] = i + j;
                    continue;
                }
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
                }
            }
        }
        return d[a.Length, b.Length];
    }
}
