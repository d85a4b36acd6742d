namespace LoraAspire.Model.Generation.Constraints.Terms;

/// <summary>How many levels of values within values each rule takes at least.</summary>
internal static class RuleNeeds
{
    /// <summary>More than there are: no text, or only endless ones.</summary>
    private const int TooMany = ConstraintLimits.Levels + 1;

    public static int[] Of(IReadOnlyList<TermRule> rules)
    {
        var needs = Enumerable.Repeat(TooMany, rules.Count).ToArray();
        for (var changed = true; changed;)
        {
            changed = false;
            // Backwards: rules are made before those that they call.
            for (var rule = rules.Count - 1; rule >= 0; rule--)
            {
                var need = Need(rules[rule].Body, needs, rules, []);
                changed |= need < needs[rule];
                needs[rule] = need;
            }
        }
        return needs;
    }

    private static int Need(Term term, int[] needs, IReadOnlyList<TermRule> rules, Dictionary<Term, int> known)
    {
        if (known.TryGetValue(term, out var need))
        {
            return need;
        }
        TermTable.EnsureStack();
        return known[term] = term.Kind switch
        {
            TermKind.Never => TooMany,
            TermKind.Then => Math.Max(Of(term.First!), Of(term.Second!)),
            TermKind.Either => term.Parts.Min(Of),
            TermKind.Repeat => term.Min == 0 ? 0 : Of(term.First!),
            TermKind.Rule => Math.Min(TooMany, needs[term.Rule] + (rules[term.Rule].IsValue ? 1 : 0)),
            _ => 0,
        };

        int Of(Term inner) => Need(inner, needs, rules, known);
    }
}
