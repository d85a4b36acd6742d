using System.Text;

namespace LoraAspire.Model.Generation.Tools;

/// <summary>Finds where a JSON object ends in a text that grows; each letter is looked at once.</summary>
internal sealed class JsonEnd
{
    public enum State { Open, Closed, None }

    private int _at, _depth;
    private bool _inString, _escaped;
    private State _state;

    /// <summary>Where it was told to look.</summary>
    public int Start { get; private set; }

    /// <summary>After the closing brace, or after the letter that can't be.</summary>
    public int End => _at;

    public void Restart(int at) => (Start, _at, _depth, _inString, _escaped, _state) = (at, at, 0, false, false, State.Open);

    /// <summary>None where something else than white space comes before the object.</summary>
    public State Find(StringBuilder text)
    {
        if (_state != State.Open || _at >= text.Length)
        {
            return _state;
        }
        // As one string: finding a letter in a builder takes time that grows with its length.
        foreach (var letter in text.ToString(_at, text.Length - _at))
        {
            _at++;
            Take(letter);
            if (_state != State.Open)
            {
                break;
            }
        }
        return _state;
    }

    private void Take(char letter)
    {
        if (_inString)
        {
            (_inString, _escaped) = (_escaped || letter != '"', !_escaped && letter == '\\');
            return;
        }
        switch (letter)
        {
            case '{' or '[':
                _depth++;
                break;
            case '}' or ']':
                _depth--;
                _state = _depth == 0 ? State.Closed : _depth < 0 ? State.None : State.Open;
                break;
            case '"' when _depth > 0:
                _inString = true;
                break;
            default:
                _state = _depth == 0 && !char.IsWhiteSpace(letter) ? State.None : State.Open;
                break;
        }
    }
}
