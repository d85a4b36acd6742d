using LoraAspire.Model.Generation.Constraints.Patterns;
using LoraAspire.Model.Generation.Constraints.Terms;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>Strings and names, in quotes, as valid UTF-8. Lengths count characters (Unicode scalar values).</summary>
internal sealed class StringTerms
{
    private readonly TermTable _table;
    private readonly Term _quote, _oneWay, _anyWay;

    public StringTerms(TermTable table)
    {
        (_table, _quote, _oneWay) = (table, table.Byte('"'), CodePoints.All.ToJson(table));
        var hex = table.Bytes(ByteSet.Of("0123456789abcdefABCDEF"));
        var d = table.Bytes(ByteSet.Of("dD"));
        Term Unit(params ReadOnlySpan<Term> digits) => table.Then(table.Text("\\u"u8), table.Sequence(digits));
        _anyWay = table.Either(_oneWay, table.Then(table.Byte('\\'), table.Bytes(ByteSet.Of("\"\\/bfnrt"))),
            Unit(table.Bytes(ByteSet.Of("0123456789abcefABCEF")), hex, hex, hex),
            Unit(d, table.Bytes(ByteSet.Range('0', '7')), hex, hex),
            table.Then(Unit(d, table.Bytes(ByteSet.Of("89abAB")), hex, hex), Unit(d, table.Bytes(ByteSet.Of("cdefCDEF")), hex, hex)));
    }

    /// <summary>With a pattern each character has one spelling; without one it may be escaped where it needn't.</summary>
    public Term Value(StringFacts facts)
    {
        if (facts.Max < facts.Min)
        {
            return _table.Never;
        }
        var text = facts.Patterns.Select(pattern => PatternParser.Parse(pattern.Pattern, _table, pattern.Pointer))
            .Aggregate((Term?)null, (all, next) => all is null ? next : _table.Both(all, next));
        if (text is null)
        {
            return Quoted(_table.Repeat(_anyWay, facts.Min, facts.Max));
        }
        if (text is { Kind: TermKind.Repeat, First.Kind: TermKind.Bytes })
        {
            // A set of plain letters, repeated: the counts are the lengths.
            text = _table.Repeat(text.First, Math.Max(text.Min, facts.Min), Math.Min(text.Max, facts.Max));
        }
        else if ((facts.Min, facts.Max) is not (0, int.MaxValue))
        {
            text = _table.Both(text, _table.Repeat(_oneWay, facts.Min, facts.Max));
        }
        return IsPossible(text) ? Quoted(text) : _table.Never;
    }

    /// <summary>A name that is none of these, in one spelling, so that no escape makes it one of them.</summary>
    public Term NameBut(IEnumerable<string> names)
    {
        var any = _table.Repeat(_oneWay, 0, TermTable.NoEnd);
        var known = LiteralTerms.Any(_table, names.Select(name => JsonText.Quoted(name)[1..^1]));
        return Quoted(known == _table.Never ? any : _table.Both(any, _table.Not(known)));
    }

    private Term Quoted(Term text) => _table.Sequence(_quote, text, _quote);

    /// <summary>Whether any string is left where several things must hold of it.</summary>
    private bool IsPossible(Term text)
    {
        if (text.Kind != TermKind.Both)
        {
            return text != _table.Never;
        }
        // Aside: derivatives go by classes of bytes, and there will be more of them.
        TermTable aside = new();
        var copy = new TermCopy(aside).Of(text);
        Derivatives derivatives = new(aside, new(aside.All), _ => throw new InvalidOperationException("A string calls no rule."));
        var possible = derivatives.IsAlive(copy);
        _table.Spend(10 * aside.Count);
        return possible;
    }
}
