namespace LoraAspire.Lab.Live;

/// <summary>The last <paramref name="capacity"/> lines of a log.</summary>
public sealed class ShownLines(int capacity)
{
    private readonly Queue<ShownLine> lines = new();
    private int written;

    public IReadOnlyCollection<ShownLine> All => lines;

    /// <summary>There may be older ones.</summary>
    public bool IsFull => lines.Count == capacity;

    /// <param name="label">A word before the text: the stage, or err for standard error.</param>
    public void Add(DateTimeOffset at, string label, string text)
    {
        if (lines.Count == capacity)
        {
            lines.Dequeue();
        }
        lines.Enqueue(new ShownLine(written++, at, label, text));
    }
}

public sealed record ShownLine(int Number, DateTimeOffset At, string Label, string Text);
