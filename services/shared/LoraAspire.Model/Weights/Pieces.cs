using System.Runtime.ExceptionServices;

namespace LoraAspire.Model.Weights;

/// <summary>Work on many numbers, a piece at a time, on every core.</summary>
internal static class Pieces
{
    /// <summary>Numbers whose float32 fit into a core's own cache beside what they are made from.</summary>
    public const int Numbers = 1 << 16;

    /// <param name="work">Gets the first number of a piece and how many there are; on any thread.</param>
    /// <param name="size">Numbers of a piece; the last one has the rest.</param>
    public static void Run(long count, int size, Action<long, int> work)
    {
        if (count <= size)
        {
            work(0, (int)count);
            return;
        }
        try
        {
            Parallel.For(0L, (count + size - 1) / size, piece => work(piece * size, (int)Math.Min(size, count - (piece * size))));
        }
        catch (AggregateException all)
        {
            ExceptionDispatchInfo.Throw(all.InnerExceptions[0]); // as where one piece is all
        }
    }
}
