using System.Text;
using System.Text.Json;

namespace LoraAspire.Model.Generation.Tools;

/// <summary>
/// Finds tool calls in an answer that comes in pieces. Text that may be the beginning of one waits until it is clear; what turns out not to
/// be one comes out as text. White space around calls is left out.
/// </summary>
public sealed class ToolCallReader(ToolCallFormat format)
{
    /// <summary>Letters of a call; more are text.</summary>
    private const int Longest = 1 << 20;

    private const string PythonTag = "<|python_tag|>";

    private readonly string _open = format.TakesSeveral ? format.Open.Trim() : "{", _close = format.Close.Trim();
    private readonly StringBuilder _held = new();
    private readonly JsonEnd _json = new();
    private bool _inCall, _saidText, _afterCall;

    /// <summary>What is clear after this text.</summary>
    public IEnumerable<ToolPiece> Add(string text)
    {
        _held.Append(text);
        return Read(isEnd: false);
    }

    /// <summary>The rest, at the end of the answer.</summary>
    public IEnumerable<ToolPiece> Flush() => Read(isEnd: true);

    private List<ToolPiece> Read(bool isEnd)
    {
        List<ToolPiece> pieces = [];
        while (_held.Length > 0 && (_inCall ? InCall(pieces, isEnd) : Outside(pieces, isEnd)))
        {
        }
        return pieces;
    }

    /// <summary>Whether more may be read.</summary>
    private bool Outside(List<ToolPiece> pieces, bool isEnd)
    {
        var text = _held.ToString();
        if (_afterCall && text.TrimStart() is var clean && clean.Length < text.Length)
        {
            text = clean;
            _held.Clear().Append(text);
        }
        var at = CallIn(text);
        if (at >= 0)
        {
            _inCall = true;
            var said = format.TakesSeveral ? text.AsSpan(0, at).TrimEnd().Length : 0;
            Say(pieces, text[..said]);
            _held.Remove(0, said);
            _json.Restart(at - said + (format.TakesSeveral ? _open.Length : 0));
            return true;
        }
        var keep = isEnd ? 0 : Unclear(text);
        Say(pieces, text[..^keep]);
        _held.Clear().Append(text, text.Length - keep, keep);
        return false;
    }

    private int CallIn(string text)
    {
        if (format.TakesSeveral)
        {
            return text.IndexOf(_open, StringComparison.Ordinal);
        }
        // The answer is the call, or calls with nothing but marks between.
        var start = text.Length - Unmarked(text).Length;
        return !_saidText && start < text.Length && text[start] == '{' ? start : -1;
    }

    private string Unmarked(string text)
    {
        var rest = text.TrimStart([' ', '\n', '\r', '\t', .. _afterCall ? ";" : ""]);
        return rest.StartsWith(PythonTag, StringComparison.Ordinal) ? rest[PythonTag.Length..].TrimStart() : rest;
    }

    /// <summary>How much of the end may belong to a call that is still to come.</summary>
    private int Unclear(string text)
    {
        if (!format.TakesSeveral)
        {
            var rest = Unmarked(text);
            return !_saidText && (rest.Length == 0 || PythonTag.StartsWith(rest, StringComparison.Ordinal)) ? text.Length : 0;
        }
        var length = Math.Min(text.Length, _open.Length - 1);
        while (!_open.AsSpan().StartsWith(text.AsSpan(text.Length - length)))
        {
            length--;
        }
        return text.Length - text.AsSpan(0, text.Length - length).TrimEnd().Length;
    }

    /// <summary>What is held begins with the mark of a call, or with its JSON; before it may stand white space.</summary>
    private bool InCall(List<ToolPiece> pieces, bool isEnd)
    {
        var state = _json.Find(_held);
        if (state == JsonEnd.State.Open && !isEnd && _held.Length <= Longest)
        {
            return false;
        }
        if (state == JsonEnd.State.Closed)
        {
            var tail = _held.ToString(_json.End, _held.Length - _json.End).TrimStart();
            if (!isEnd && tail.Length < _close.Length && _close.StartsWith(tail, StringComparison.Ordinal))
            {
                return false;
            }
            // At the end of an answer the closing mark may be missing: some models end with it as their last token.
            if ((tail.StartsWith(_close, StringComparison.Ordinal) || (isEnd && _close.StartsWith(tail, StringComparison.Ordinal)))
                && CallOf(_held.ToString(_json.Start, _json.End - _json.Start)) is { } call)
            {
                pieces.Add(call);
                (_inCall, _afterCall) = (false, true);
                var after = tail[Math.Min(_close.Length, tail.Length)..];
                _held.Clear().Append(after);
                return true;
            }
        }
        // No call after all. What was looked at is text and isn't looked at again, so that a hostile answer costs no more than its length.
        (_inCall, _afterCall) = (false, false);
        var seen = state == JsonEnd.State.Open ? _held.Length : _json.End;
        Say(pieces, _held.ToString(0, seen));
        _held.Remove(0, seen);
        return true;
    }

    private void Say(List<ToolPiece> pieces, string text)
    {
        if (text.Length == 0)
        {
            return;
        }
        _saidText |= !string.IsNullOrWhiteSpace(text);
        _afterCall = false;
        if (pieces is [.., ToolPiece.Text before])
        {
            pieces[^1] = new ToolPiece.Text(before.Value + text);
            return;
        }
        pieces.Add(new ToolPiece.Text(text));
    }

    private ToolPiece.Call? CallOf(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var call = document.RootElement;
            if (call.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String
                && name.GetString() is { Length: > 0 } text
                && (call.TryGetProperty(format.ArgumentsKey, out var arguments)
                    || call.TryGetProperty(format.ArgumentsKey == "arguments" ? "parameters" : "arguments", out arguments))
                && arguments.ValueKind == JsonValueKind.Object && ForeignJson.IsText(arguments))
            {
                return new(text, arguments.GetRawText());
            }
        }
        // Not JSON, or with half a character in the name: the model's text, and no call.
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return null;
        }
        return null;
    }
}
