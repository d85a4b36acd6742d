using System.Runtime.CompilerServices;

namespace LoraAspire.Model.Generation.Constraints.Terms;

/// <summary>Makes terms, simplified, and each once.</summary>
/// <param name="needs">Levels that each rule takes at least, so that a call with fewer is known to have no text; null where that isn't
/// known yet.</param>
internal sealed class TermTable
{
    public const int NoEnd = int.MaxValue;

    private readonly IReadOnlyList<int>? _needs;
    private readonly HashSet<Term> _terms = new(Term.Structure);
    private long _work = ConstraintLimits.Work;

    public TermTable(IReadOnlyList<int>? needs = null)
    {
        _needs = needs;
        Never = Keep(new(TermKind.Never, this));
        Empty = Keep(new(TermKind.Empty, this) { MayEnd = true });
        Anything = Keep(new(TermKind.Not, this) { First = Never, MayEnd = true });
    }

    public Term Never { get; }
    public Term Empty { get; }
    /// <summary>Every text. Stands within <see cref="Both"/> alone.</summary>
    public Term Anything { get; }
    public int Count => _terms.Count;
    public IEnumerable<Term> All => _terms;

    /// <summary>Starts to count anew what is made: from here on for a token.</summary>
    public void Refill() => _work = ConstraintLimits.StepWork;

    /// <exception cref="ConstraintException">More than <see cref="ConstraintLimits.Work"/>, or since <see cref="Refill"/> more than
    /// <see cref="ConstraintLimits.StepWork"/>.</exception>
    public void Spend(int work = 1)
    {
        if ((_work -= work) < 0)
        {
            throw new ConstraintException("the schema is too large, or leaves too many ways open at once (anyOf, optional properties, "
                + "patterns): an answer can't be held to it in reasonable time. Make it simpler.");
        }
    }

    /// <exception cref="ConstraintException">Terms stand within terms too deeply for this thread.</exception>
    public static void EnsureStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new ConstraintException("the schema nests too deeply. Make it flatter.");
        }
    }

    public Term Bytes(ByteSet set) => set.IsEmpty ? Never : Keep(new(TermKind.Bytes, this) { Bytes = set });

    public Term Byte(int value) => Bytes(ByteSet.Of(value));

    public Term Then(Term first, Term second) =>
        first == Never || second == Never ? Never : first == Empty ? second : second == Empty ? first
            : Keep(new(TermKind.Then, this) { First = first, Second = second, MayEnd = first.MayEnd && second.MayEnd });

    /// <summary>One after the other. As a tree, so that a long one isn't deep.</summary>
    public Term Sequence(params ReadOnlySpan<Term> terms) => terms.Length switch
    {
        0 => Empty,
        1 => terms[0],
        _ => Then(Sequence(terms[..(terms.Length / 2)]), Sequence(terms[(terms.Length / 2)..])),
    };

    public Term Text(ReadOnlySpan<byte> utf8)
    {
        var terms = new Term[utf8.Length];
        for (var i = 0; i < terms.Length; i++)
        {
            terms[i] = Byte(utf8[i]);
        }
        return Sequence(terms);
    }

    public Term Optional(Term term) => Repeat(term, 0, 1);

    public Term Either(params IEnumerable<Term> terms)
    {
        List<Term> parts = [];
        var bytes = default(ByteSet);
        foreach (var term in terms)
        {
            foreach (var part in term.Kind == TermKind.Either ? term.Parts.AsSpan() : new ReadOnlySpan<Term>(in term))
            {
                bytes |= part.Bytes;
                if (part.Kind is not (TermKind.Never or TermKind.Bytes))
                {
                    parts.Add(part);
                }
            }
        }
        if (!bytes.IsEmpty)
        {
            parts.Add(Bytes(bytes));
        }
        Spend(parts.Count);
        parts.Sort((a, b) => a.Id.CompareTo(b.Id));
        Term[] distinct = [.. parts.Distinct()];
        return distinct.Length switch
        {
            0 => Never,
            1 => distinct[0],
            _ => Keep(new(TermKind.Either, this) { Parts = distinct, MayEnd = distinct.Any(part => part.MayEnd) }),
        };
    }

    public Term Repeat(Term term, int min, int max)
    {
        min = term.MayEnd ? 0 : min;
        return max < min ? Never
            : max == 0 || term == Empty ? Empty
            : term == Never ? min == 0 ? Empty : Never
            : (min, max) == (1, 1) ? term
            : Keep(new(TermKind.Repeat, this) { First = term, Min = min, Max = max, MayEnd = min == 0 });
    }

    public Term Both(Term first, Term second) =>
        first == Never || second == Never ? Never
            : first == Anything || first == second ? second
            : second == Anything ? first
            : first == Empty || second == Empty ? first.MayEnd && second.MayEnd ? Empty : Never
            : Keep(new(TermKind.Both, this) { First = first, Second = second, MayEnd = first.MayEnd && second.MayEnd });

    public Term Not(Term term) => Keep(new(TermKind.Not, this) { First = term, MayEnd = !term.MayEnd });

    /// <summary>A call of a rule; rules don't take the empty text.</summary>
    public Term Rule(int rule, int levels) =>
        _needs is { } needs && levels < needs[rule] ? Never : Keep(new(TermKind.Rule, this) { Rule = rule, Levels = levels });

    private Term Keep(Term made)
    {
        if (_terms.TryGetValue(made, out var known))
        {
            return known;
        }
        Spend();
        made.Id = _terms.Count;
        _terms.Add(made);
        return made;
    }
}
