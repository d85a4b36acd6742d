using LoraAspire.Model.Generation;
using LoraAspire.Model.Generation.Constraints.ToolCalls;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.Answers;

/// <summary>One of the answers to a prompt, from pieces of text to what was said and which tools were called.</summary>
internal sealed class AnswerText
{
    private readonly AskedPrompt _asked;
    private readonly bool _oneCall;
    private readonly ToolCallReader? _reader;
    private bool _started;

    /// <param name="oneCall">A second call is left out (parallel_tool_calls: false).</param>
    public AnswerText(AskedPrompt asked, bool oneCall)
    {
        (_asked, _oneCall, _started) = (asked, oneCall, asked.Continues);
        _reader = asked.Calls is { } format ? new(format) : null;
        if (asked.Forced is { Opening.Length: > 0 } forced)
        {
            _ = _reader!.Add(forced.Opening).ToList();
            _started = true;
        }
    }

    /// <summary>Tools that it called so far.</summary>
    public int Calls { get; private set; }

    public IEnumerable<AIContent> Add(TextPiece piece)
    {
        var text = _started ? piece.Text : piece.Text.TrimStart();
        _started |= text.Length > 0;
        if (_reader is null)
        {
            return [new TextContent(text)];
        }
        List<ToolPiece> parts = [.. _reader.Add(text)];
        if (piece.Finish is not null)
        {
            // A call that ran into the token limit is not closed in its stead: it comes out as the text that it is.
            parts.AddRange(piece.Finish == FinishReason.Stop && _asked.Forced is { Closing.Length: > 0 } forced
                ? _reader.Add(forced.Closing) : []);
            parts.AddRange(_reader.Flush());
        }
        return Contents(parts);
    }

    private List<AIContent> Contents(IReadOnlyList<ToolPiece> parts)
    {
        List<AIContent> contents = [];
        foreach (var part in parts)
        {
            if (part.Name is not { } name)
            {
                contents.Add(new TextContent(part.Text));
            }
            else if (Calls == 0 || !_oneCall)
            {
                Calls++;
                contents.Add(ToolCalls.Of(ToolCalls.NewId(), name, part.ArgumentsJson!));
            }
        }
        return contents;
    }
}
