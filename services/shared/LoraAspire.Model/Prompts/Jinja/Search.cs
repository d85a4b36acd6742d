namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>A string in a string, with its cost: a hostile pair makes a plain search look at every letter of one for each of the
/// other.</summary>
internal static class Search
{
    public static int Find(string text, string part, Work work)
    {
        Pay(text, part, work);
        return text.IndexOf(part, StringComparison.Ordinal);
    }

    public static int FindLast(string text, string part, Work work)
    {
        Pay(text, part, work);
        return text.LastIndexOf(part, StringComparison.Ordinal);
    }

    /// <summary>Where the part begins, at most <paramref name="most"/> times, none overlapping.</summary>
    public static List<int> FindAll(string text, string part, int most, Work work)
    {
        Pay(text, part, work);
        List<int> found = [];
        for (var at = 0; found.Count < most && (at = text.IndexOf(part, at, StringComparison.Ordinal)) >= 0; at += part.Length)
        {
            work.Step();
            found.Add(at);
        }
        return found;
    }

    /// <summary>The same, looked for from the end.</summary>
    public static List<int> FindAllFromEnd(string text, string part, int most, Work work)
    {
        Pay(text, part, work);
        List<int> found = [];
        for (var end = text.Length; found.Count < most && (end = text.AsSpan(0, end).LastIndexOf(part)) >= 0;)
        {
            work.Step();
            found.Add(end);
        }
        found.Reverse();
        return found;
    }

    private static void Pay(string text, string part, Work work) =>
        work.Touch(part.Length > text.Length ? 1 : text.Length * (1 + (part.Length / 64L)));
}
