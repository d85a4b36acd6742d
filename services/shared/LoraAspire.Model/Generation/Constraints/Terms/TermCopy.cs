namespace LoraAspire.Model.Generation.Constraints.Terms;

/// <summary>Copies terms into a table, where they are simplified again.</summary>
/// <param name="levels">What the copy of a call gets of levels; the call's own where null.</param>
internal sealed class TermCopy(TermTable into, Func<Term, int>? levels = null)
{
    private readonly Dictionary<Term, Term> _copied = [];

    public Term Of(Term term)
    {
        if (_copied.TryGetValue(term, out var done))
        {
            return done;
        }
        TermTable.EnsureStack();
        var copy = term.Kind switch
        {
            TermKind.Never => into.Never,
            TermKind.Empty => into.Empty,
            TermKind.Bytes => into.Bytes(term.Bytes),
            TermKind.Then => into.Then(Of(term.First!), Of(term.Second!)),
            TermKind.Either => into.Either(term.Parts.Select(Of)),
            TermKind.Repeat => into.Repeat(Of(term.First!), term.Min, term.Max),
            TermKind.Both => into.Both(Of(term.First!), Of(term.Second!)),
            TermKind.Not => into.Not(Of(term.First!)),
            _ => into.Rule(term.Rule, levels?.Invoke(term) ?? term.Levels),
        };
        _copied[term] = copy;
        return copy;
    }
}
