using LoraAspire.Model.Prompts.Jinja;

namespace LoraAspire.Model.Prompts;

/// <summary>What a template made of a conversation.</summary>
/// <param name="Segments">The text in pieces, each of one origin: put together they are <paramref name="Text"/>.</param>
public sealed record RenderedChat(string Text, IReadOnlyList<ChatSegment> Segments)
{
    internal static RenderedChat Of(Text text)
    {
        List<ChatSegment> segments = [];
        var from = 0;
        foreach (var run in text.Runs)
        {
            segments.Add(new(text.Value[from..run.End], run.Origin));
            from = run.End;
        }
        return new(text.Value, segments);
    }
}

/// <param name="Text">Never empty.</param>
public readonly record struct ChatSegment(string Text, Origin Origin)
{
    /// <summary>Whether the template wrote it: only then are the letters of a special token that token.</summary>
    public bool IsTemplate => !Origin.HasFlag(Origin.Data);

    /// <summary>What is left without the first units of the whole text.</summary>
    internal static IEnumerable<ChatSegment> Skip(IEnumerable<ChatSegment> segments, int units)
    {
        foreach (var segment in segments)
        {
            var skipped = Math.Min(units, segment.Text.Length);
            units -= skipped;
            if (skipped < segment.Text.Length)
            {
                yield return segment with { Text = segment.Text[skipped..] };
            }
        }
    }
}

/// <summary>A conversation to learn from.</summary>
/// <param name="Chat">All turns, without a generation prompt.</param>
/// <param name="Turns">What the assistant says in <paramref name="Chat"/>, its end marks included, in order.</param>
/// <param name="Rewritten">Assistant turns that the whole conversation doesn't hold as they were when it ended with them: they can't be
/// learned from this text.</param>
public sealed record TrainingChat(RenderedChat Chat, IReadOnlyList<AssistantTurn> Turns, IReadOnlyList<RewrittenTurn> Rewritten);

/// <param name="Message">Index of the message; -1 where the template itself marks what is learned ({% generation %}).</param>
/// <param name="Start">Index into the chat's text, in UTF-16 units.</param>
/// <param name="End">After the last unit.</param>
public readonly record struct AssistantTurn(int Message, int Start, int End);

/// <param name="Message">Index of the message; -1 for all of them.</param>
/// <param name="Why">In words, with the turn's number.</param>
public readonly record struct RewrittenTurn(int Message, string Why);
