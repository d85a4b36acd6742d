namespace LoraAspire.Model.Generation.Constraints.Terms;

internal enum TermKind : byte
{
    /// <summary>No text.</summary>
    Never,
    /// <summary>The empty text.</summary>
    Empty,
    /// <summary>One byte of a set.</summary>
    Bytes,
    /// <summary>First, then Second.</summary>
    Then,
    /// <summary>Any of Parts.</summary>
    Either,
    /// <summary>First, Min to Max times.</summary>
    Repeat,
    /// <summary>What First and Second both take. No rule stands in them.</summary>
    Both,
    /// <summary>What First doesn't take. Stands within Both alone.</summary>
    Not,
    /// <summary>What a rule's body takes, with so many levels left.</summary>
    Rule,
}

/// <summary>
/// A set of texts (UTF-8), in the way of a regular expression with rules that may call each other. What may still follow a beginning
/// is a term again, its derivative by each byte (J. Brzozowski, Derivatives of Regular Expressions, 1964): the terms are the states of
/// the automaton, and a term within a term is its stack. Equal terms of a <see cref="TermTable"/> are one object.
/// </summary>
internal sealed class Term(TermKind kind, TermTable table)
{
    public TermKind Kind { get; } = kind;
    public TermTable Table { get; } = table;
    public int Id { get; set; }
    public ByteSet Bytes { get; init; }
    public Term? First { get; init; }
    public Term? Second { get; init; }
    public Term[] Parts { get; init; } = [];
    public int Min { get; init; }
    /// <summary>int.MaxValue: without end.</summary>
    public int Max { get; init; }
    public int Rule { get; init; }
    public int Levels { get; init; }
    /// <summary>Whether the empty text is among its texts.</summary>
    public bool MayEnd { get; init; }

    /// <summary>Derivative by class of bytes, as far as they are known.</summary>
    public Term?[]? Next { get; set; }
    /// <summary>Of <see cref="TermKind.Both"/>: whether any text is left; null where nobody asked.</summary>
    public bool? IsAlive { get; set; }
    /// <summary><see cref="Derivatives.Near"/></summary>
    public Term? Near { get; set; }

    public static IEqualityComparer<Term> Structure { get; } = EqualityComparer<Term>.Create(
        (a, b) => a!.Kind == b!.Kind && a.First == b.First && a.Second == b.Second && a.Min == b.Min && a.Max == b.Max && a.Rule == b.Rule
            && a.Levels == b.Levels && a.Bytes == b.Bytes && a.Parts.AsSpan().SequenceEqual(b.Parts),
        term =>
        {
            var hash = HashCode.Combine(term.Kind, term.First?.Id, term.Second?.Id, term.Min, term.Max, term.Rule, term.Levels,
                term.Kind == TermKind.Bytes ? term.Bytes.GetHashCode() : 0);
            foreach (var part in term.Parts)
            {
                hash = (hash * 31) + part.Id;
            }
            return hash;
        });
}
