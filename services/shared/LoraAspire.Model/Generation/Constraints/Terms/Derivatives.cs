using System.Runtime.CompilerServices;

namespace LoraAspire.Model.Generation.Constraints.Terms;

/// <summary>What may still follow, byte by byte. Every term but Never that comes out has a text, so that no answer ends up stuck.</summary>
/// <param name="expand">The body of a rule that a term calls.</param>
internal sealed class Derivatives(TermTable table, ByteClasses classes, Func<Term, Term> expand)
{
    public TermTable Table { get; } = table;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Term Next(Term term, byte value) =>
        term.Next is { } next && next[classes[value]] is { } known ? known : Find(term, value);

    private Term Find(Term term, byte value)
    {
        var found = Derive(term, value);
        (term.Next ??= new Term?[classes.Count])[classes[value]] = found;
        return found;
    }

    private Term Derive(Term term, byte value)
    {
        TermTable.EnsureStack();
        Table.Spend();
        switch (term.Kind)
        {
            case TermKind.Bytes:
                return term.Bytes.Contains(value) ? Table.Empty : Table.Never;
            case TermKind.Then:
                var goesOn = Table.Then(Next(term.First!, value), term.Second!);
                return term.First!.MayEnd ? Table.Either(goesOn, Next(term.Second!, value)) : goesOn;
            case TermKind.Either:
                return Table.Either(term.Parts.Select(part => Next(part, value)));
            case TermKind.Repeat:
                var once = Next(term.First!, value);
                return once == Table.Never ? once : Table.Then(once, Table.Repeat(term.First!, Math.Max(term.Min - 1, 0),
                    term.Max == TermTable.NoEnd ? TermTable.NoEnd : term.Max - 1));
            case TermKind.Both:
                return Step(term, value) is var both && IsAlive(both) ? both : Table.Never;
            case TermKind.Not:
                return Table.Not(Next(term.First!, value));
            case TermKind.Rule:
                return Next(expand(term), value);
            default:
                return Table.Never;
        }
    }

    private Term Step(Term both, byte value) => Table.Both(Next(both.First!, value), Next(both.Second!, value));

    /// <summary>Whether a term has any text. Only two terms that must both hold can have none unseen: it is searched for.</summary>
    /// <exception cref="ConstraintException">The search goes too far.</exception>
    public bool IsAlive(Term term)
    {
        if (term.Kind != TermKind.Both || term.MayEnd)
        {
            return term != Table.Never;
        }
        if (term.IsAlive is { } known)
        {
            return known;
        }
        Dictionary<Term, Term?> cameFrom = new() { [term] = null };
        Queue<Term> ahead = new([term]);
        while (ahead.TryDequeue(out var from))
        {
            foreach (var value in classes.Examples)
            {
                var next = Step(from, value);
                if (next == Table.Never || next.IsAlive == false || cameFrom.ContainsKey(next))
                {
                    continue;
                }
                if (next.Kind != TermKind.Both || next.MayEnd || next.IsAlive == true)
                {
                    for (var alive = from; alive is not null; alive = cameFrom[alive])
                    {
                        alive.IsAlive = true;
                    }
                    return true;
                }
                cameFrom[next] = from;
                ahead.Enqueue(next);
                if (cameFrom.Count > ConstraintLimits.Search)
                {
                    throw new ConstraintException("a pattern together with minLength, maxLength or another pattern takes too long to "
                        + "see through. Give the lengths in the pattern.");
                }
            }
        }
        foreach (var dead in cameFrom.Keys)
        {
            dead.IsAlive = false;
        }
        return false;
    }

    /// <summary>
    /// A term with the same beginnings of fewer than <paramref name="reach"/> bytes, and the same of them whole texts: counts that no
    /// such text gets to the end of are alike, so that a long string is one state and not one per letter.
    /// </summary>
    public Term Near(Term term, int reach)
    {
        if (term.Near is { } known)
        {
            return known;
        }
        TermTable.EnsureStack();
        var near = term.Kind switch
        {
            TermKind.Then => Table.Then(Near(term.First!, reach), Near(term.Second!, reach)),
            TermKind.Either => Table.Either(term.Parts.Select(part => Near(part, reach))),
            TermKind.Repeat => Table.Repeat(Near(term.First!, reach), Math.Min(term.Min, reach),
                term.Max >= reach && !term.First!.MayEnd ? TermTable.NoEnd : term.Max),
            _ => term, // of two that must both hold, no count may change: whether any text is left hangs on it
        };
        near.Near = near;
        return term.Near = near;
    }
}
