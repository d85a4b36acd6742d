using LoraAspire.Model.Generation.Constraints.Patterns;
using LoraAspire.Model.Generation.Constraints.Terms;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>Objects and arrays, compact but for one space after a comma or a colon.</summary>
/// <param name="valueOf">The term of a value within.</param>
/// <param name="rule">Puts a term away as a rule of its own, so that a long row of terms isn't deep.</param>
internal sealed class ContainerTerms(TermTable table, StringTerms strings, Func<Conjunction, Term> valueOf, Func<Term, Term> rule)
{
    /// <summary>Properties or items between two rules.</summary>
    private const int Stretch = 32;

    private readonly Term _comma = LiteralTerms.Punctuation(table, ','), _colon = LiteralTerms.Punctuation(table, ':');

    /// <summary>
    /// Properties come in the schema's order, those that aren't required may be left out, and others follow. Where a schema lists some and
    /// says nothing of others, there are none.
    /// </summary>
    public Term Object(ObjectFacts facts)
    {
        var others = facts.Others ?? (facts.Properties.Count == 0 ? Conjunction.Any : null);
        var required = facts.Required.ToHashSet();
        List<KeyValuePair<string, Conjunction>> properties = [.. facts.Properties];
        properties.AddRange(required.Except(facts.Properties.Select(property => property.Key))
            .Select(name => KeyValuePair.Create(name, facts.Others ?? Conjunction.Any)));

        var close = table.Byte('}');
        var other = others is null ? table.Never
            : table.Sequence(strings.NameBut(properties.Select(property => property.Key)), _colon, valueOf(others));
        var rest = table.Then(table.Repeat(table.Then(_comma, other), 0, TermTable.NoEnd), close); // after a member
        var begin = table.Then(other, rest); // at least one member more
        var needed = false;
        for (var i = properties.Count - 1; i >= 0; i--)
        {
            var (name, value) = properties[i];
            var member = table.Sequence(table.Text(JsonText.Quoted(name)), _colon, valueOf(value));
            begin = table.Either(table.Then(member, rest), required.Contains(name) ? table.Never : begin);
            needed |= required.Contains(name);
            rest = table.Either(table.Then(_comma, begin), needed ? table.Never : close);
            if (i % Stretch == 0 && i > 0)
            {
                (begin, rest) = (rule(begin), rule(rest));
            }
        }
        return table.Then(table.Byte('{'), table.Either(begin, needed ? table.Never : close));
    }

    public Term Array(ArrayFacts facts)
    {
        if (facts.Max < facts.Min)
        {
            return table.Never;
        }
        var first = facts.First.Take(facts.Max).ToList();
        var others = facts.Others ?? (facts.First.Count == 0 ? Conjunction.Any : null);
        var item = others is null || first.Count == facts.Max ? table.Never : valueOf(others);
        var close = table.Byte(']');
        // After the first items, and at least one before.
        var rest = table.Then(Others(Math.Max(facts.Min - Math.Max(first.Count, 1), 0)), close);
        var begin = table.Then(item, rest);
        for (var i = first.Count - 1; i >= 0; i--)
        {
            begin = table.Then(valueOf(first[i]), rest);
            rest = table.Either(table.Then(_comma, begin), i >= facts.Min ? close : table.Never);
            if (i % Stretch == 0 && i > 0)
            {
                (begin, rest) = (rule(begin), rule(rest));
            }
        }
        return table.Then(table.Byte('['), table.Either(begin, facts.Min == 0 ? close : table.Never));

        Term Others(int least) => table.Repeat(table.Then(_comma, item), least,
            facts.Max == int.MaxValue ? TermTable.NoEnd : facts.Max - Math.Max(first.Count, 1));
    }
}
