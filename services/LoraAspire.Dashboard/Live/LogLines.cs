namespace LoraAspire.Dashboard.Live;

/// <summary>The last <paramref name="capacity"/> lines of a log.</summary>
public sealed class LogLines(int capacity)
{
    private readonly Queue<LogLine> lines = new();
    private int written;

    public IReadOnlyCollection<LogLine> All => lines;

    /// <param name="label">A word before the text: the stage, or err for standard error.</param>
    public void Add(DateTimeOffset at, string label, string text)
    {
        if (lines.Count == capacity)
        {
            lines.Dequeue();
        }
        lines.Enqueue(new LogLine(written++, at, label, text));
    }
}

public sealed record LogLine(int Number, DateTimeOffset At, string Label, string Text);
