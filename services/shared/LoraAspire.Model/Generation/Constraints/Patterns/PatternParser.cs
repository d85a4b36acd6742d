using System.Globalization;
using LoraAspire.Model.Generation.Constraints.Terms;

namespace LoraAspire.Model.Generation.Constraints.Patterns;

/// <summary>
/// Regular expressions as JSON Schema's <c>pattern</c> has them: literals, sets, groups, alternatives, quantifiers, and ^ and $ at the
/// ends. They match anywhere in a string where ^ and $ don't stand. The rest of ECMA-262 is refused in words.
/// </summary>
internal sealed class PatternParser
{
    private readonly string _pattern;
    private readonly TermTable _table;
    private readonly string _pointer;
    private readonly Term _anything;
    private int _at;
    private int _depth;

    private PatternParser(string pattern, TermTable table, string pointer)
    {
        (_pattern, _table, _pointer) = (pattern, table, pointer);
        _anything = table.Repeat(CodePoints.All.ToJson(table), 0, TermTable.NoEnd);
    }

    /// <summary>What stands between the quotes of a JSON string that matches.</summary>
    /// <exception cref="ConstraintException">Not a regular expression of this kind.</exception>
    public static Term Parse(string pattern, TermTable table, string pointer)
    {
        PatternParser parser = new(pattern, table, pointer);
        if (pattern.Length > ConstraintLimits.Pattern)
        {
            throw parser.Refused($"it has more than {ConstraintLimits.Pattern} letters");
        }
        var term = parser.Alternatives(top: true);
        return parser._at == pattern.Length ? term : throw parser.Refused("a ')' closes nothing");
    }

    private Term Alternatives(bool top)
    {
        if (++_depth > ConstraintLimits.PatternNesting)
        {
            throw Refused($"its groups nest more than {ConstraintLimits.PatternNesting} deep");
        }
        List<Term> ways = [Sequence(top)];
        while (Takes('|'))
        {
            ways.Add(Sequence(top));
        }
        _depth--;
        return _table.Either(ways);
    }

    private Term Sequence(bool top)
    {
        var (from, to) = (top && !Takes('^'), top);
        List<Term> terms = [];
        while (_at < _pattern.Length && _pattern[_at] is not ('|' or ')'))
        {
            if (top && Takes('$'))
            {
                to = false;
                if (_at < _pattern.Length && _pattern[_at] is not ('|' or ')'))
                {
                    throw Refused("'$' stands before the end");
                }
                break;
            }
            terms.Add(Quantified());
        }
        var body = _table.Sequence([.. terms]);
        return _table.Sequence(from ? _anything : _table.Empty, body, to ? _anything : _table.Empty);
    }

    private Term Quantified()
    {
        var term = Atom();
        var (min, max) = Quantifier();
        if ((min, max) != (1, 1))
        {
            Takes('?'); // a lazy one takes the same texts
        }
        return _table.Repeat(term, min, max);
    }

    private (int Min, int Max) Quantifier()
    {
        if (Takes('*'))
        {
            return (0, TermTable.NoEnd);
        }
        if (Takes('+'))
        {
            return (1, TermTable.NoEnd);
        }
        if (Takes('?'))
        {
            return (0, 1);
        }
        var end = _at < _pattern.Length && _pattern[_at] == '{' ? _pattern.IndexOf('}', _at) : -1;
        if (end < 0)
        {
            return (1, 1);
        }
        var counts = _pattern[(_at + 1)..end].Split(',');
        if (counts.Length > 2 || !counts[0].All(char.IsAsciiDigit) || counts[0].Length == 0 || !counts[^1].All(char.IsAsciiDigit))
        {
            return (1, 1); // a brace that stands for itself
        }
        _at = end + 1;
        var (min, max) = (Count(counts[0]), counts[^1].Length == 0 ? TermTable.NoEnd : Count(counts[^1]));
        return min > max || min > ConstraintLimits.LeastCount
            ? throw Refused($"{{{min},{max}}} is no quantifier that can be kept to") : (min, max);
    }

    private int Count(string digits) => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count
        : throw Refused($"{digits} is too large a count");

    private Term Atom()
    {
        switch (_pattern[_at])
        {
            case '(':
                return Group();
            case '[':
                return PatternClass.Parse(_pattern, ref _at, Refused).ToJson(_table);
            case '.':
                _at++;
                return PatternSets.Dot.ToJson(_table);
            case '\\':
                return PatternClass.Escape(_pattern, ref _at, Refused).ToJson(_table);
            case '^' or '$':
                throw Refused("'^' and '$' may stand at the ends only, not in groups");
            case '*' or '+' or '?':
                throw Refused($"'{_pattern[_at]}' repeats nothing");
            default:
                return CodePoints.Of(PatternClass.Letter(_pattern, ref _at, Refused)).ToJson(_table);
        }
    }

    private Term Group()
    {
        _at++;
        if (Takes('?') && !Takes(':'))
        {
            throw Refused("groups that look around, and named ones, can't be kept to; (…) and (?:…) can");
        }
        var term = Alternatives(top: false);
        return Takes(')') ? term : throw Refused("a '(' isn't closed");
    }

    private bool Takes(char letter)
    {
        var takes = _at < _pattern.Length && _pattern[_at] == letter;
        _at += takes ? 1 : 0;
        return takes;
    }

    private ConstraintException Refused(string why) =>
        new($"the pattern can't be kept to: {why} (letter {_at + 1}). Literals, [sets], (groups), |, * + ? {{n,m}}, \\d \\w \\s and ^ and "
            + "$ at the ends are supported.", _pointer);
}
