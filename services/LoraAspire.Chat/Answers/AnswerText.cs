using LoraAspire.Model.Generation;
using LoraAspire.Model.Generation.Tools;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.Answers;

/// <summary>One of the answers to a prompt, from pieces of text to what was said and which tools were called.</summary>
internal sealed class AnswerText
{
    private readonly bool _oneCall;
    private readonly ToolCallReader? _reader;
    private bool _started;

    /// <param name="oneCall">A second call is left out (parallel_tool_calls: false).</param>
    public AnswerText(AskedPrompt asked, bool oneCall)
    {
        (_oneCall, _started) = (oneCall, asked.Continues);
        _reader = asked.Calls is { } format ? new(format) : null;
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
        return Contents([.. _reader.Add(text), .. piece.Finish is null ? [] : _reader.Flush()]);
    }

    private List<AIContent> Contents(IReadOnlyList<ToolPiece> parts)
    {
        List<AIContent> contents = [];
        foreach (var part in parts)
        {
            if (part is ToolPiece.Text said)
            {
                contents.Add(new TextContent(said.Value));
            }
            else if (part is ToolPiece.Call call && (Calls == 0 || !_oneCall))
            {
                Calls++;
                contents.Add(ToolCalls.Of(ToolCalls.NewId(), call.Name, call.ArgumentsJson));
            }
        }
        return contents;
    }
}
