namespace LoraAspire.Pipelines.Stages;

/// <summary>How many rows of a data set are held out for validation: a trainer's, and those that are measured afterwards.</summary>
public static class ValidationRows
{
    /// <param name="valSetSize">A number of rows, below 1 a share of them; null is 2000, but at most a tenth of the rows.</param>
    public static int Of(double? valSetSize, int rows) => valSetSize switch
    {
        null => Math.Min(2000, rows / 10),
        > 0 and < 1 and var share => Math.Max(1, (int)Math.Round(share * rows)),
        var count => (int)count,
    };

    /// <summary>Null where it is one.</summary>
    internal static string? Problem(double? valSetSize) => valSetSize > 1 && valSetSize != Math.Truncate(valSetSize.Value)
        ? "is a whole number of rows, or below 1 a share of them" : null;
}
