namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>A stable merge sort: .NET's own wraps what a comparison throws, and wants an order that NaN doesn't have.</summary>
internal static class Sorting
{
    public static T[] Sort<T>(IReadOnlyList<T> items, Func<T, T, int> compare)
    {
        T[] from = [.. items];
        var to = new T[from.Length];
        for (var width = 1; width < from.Length; width *= 2)
        {
            for (var start = 0; start < from.Length; start += 2 * width)
            {
                Merge(from, to, start, Math.Min(start + width, from.Length), Math.Min(start + (2 * width), from.Length), compare);
            }
            (from, to) = (to, from);
        }
        return from;
    }

    private static void Merge<T>(T[] from, T[] to, int start, int middle, int end, Func<T, T, int> compare)
    {
        for (int left = start, right = middle, at = start; at < end; at++)
        {
            to[at] = left < middle && (right >= end || compare(from[left], from[right]) <= 0) ? from[left++] : from[right++];
        }
    }
}
