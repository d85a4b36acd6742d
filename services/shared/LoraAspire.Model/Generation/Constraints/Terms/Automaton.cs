using System.Runtime.CompilerServices;

namespace LoraAspire.Model.Generation.Constraints.Terms;

/// <param name="IsValue">A JSON value, one level deeper than what calls it.</param>
internal sealed record TermRule(Term Body, bool IsValue);

/// <summary>Start and steps of a compiled grammar. Not for several threads at once.</summary>
internal sealed class Automaton
{
    private readonly IReadOnlyList<TermRule> _rules;
    private readonly Term _start;
    private readonly int[] _needs;
    private readonly ByteClasses _classes;
    private readonly Dictionary<(int Rule, int Levels), Term> _expanded = [];
    private Derivatives _derivatives;

    /// <param name="start">A term of the rules' table.</param>
    public Automaton(IReadOnlyList<TermRule> rules, Term start)
    {
        (_rules, _start, _needs, _classes) = (rules, start, RuleNeeds.Of(rules), new(start.Table.All));
        _derivatives = StartOver();
    }

    /// <summary>Never where no text obeys the grammar within the levels allowed.</summary>
    public Term Start => new TermCopy(Table, LevelsAtStart).Of(_start);

    public TermTable Table => _derivatives.Table;

    public bool Fits(int rule) => _needs[rule] < ConstraintLimits.Levels;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Term Next(Term state, byte value) => _derivatives.Next(state, value);

    /// <inheritdoc cref="Derivatives.Near"/>
    public Term Near(Term state, int reach) => _derivatives.Near(state, reach);

    /// <summary>The state in the table that is in use; one that has grown too large is left to those who still hold its terms.</summary>
    public Term Current(Term state)
    {
        if (Table.Count > ConstraintLimits.KeptTerms)
        {
            _derivatives = StartOver();
        }
        Table.Refill();
        return state.Table == Table ? state : new TermCopy(Table).Of(state);
    }

    private Derivatives StartOver()
    {
        _expanded.Clear();
        return new(new(_needs), _classes, Body);
    }

    private Term Body(Term call)
    {
        var key = (call.Rule, call.Levels);
        if (!_expanded.TryGetValue(key, out var body))
        {
            _expanded[key] = body = new TermCopy(call.Table, inner => call.Levels - LevelsOf(inner)).Of(_rules[call.Rule].Body);
        }
        return body;
    }

    private int LevelsAtStart(Term call) => ConstraintLimits.Levels - LevelsOf(call);

    private int LevelsOf(Term call) => _rules[call.Rule].IsValue ? 1 : 0;
}
