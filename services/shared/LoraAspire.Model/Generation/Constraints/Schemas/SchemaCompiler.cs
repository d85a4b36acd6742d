using LoraAspire.Model.Generation.Constraints.Terms;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>Makes terms of schemas: a rule for each place of objects or arrays, so that schemas may refer to themselves.</summary>
internal sealed class SchemaCompiler
{
    private readonly SchemaReader _reader = new();
    private readonly Dictionary<string, Term> _values = [];
    private readonly List<TermRule?> _rules = [];
    private readonly List<string> _pointers = [];
    private readonly Queue<(int Rule, IReadOnlyList<Facts> Alternatives)> _open = [];
    private readonly NumberTerms _numbers;
    private readonly StringTerms _strings;
    private readonly ContainerTerms _containers;

    public SchemaCompiler()
    {
        _numbers = new(Table);
        _strings = new(Table);
        _containers = new(Table, _strings, Value, term => term == Table.Never ? term : Table.Rule(Add(new(term, IsValue: false), ""), 0));
    }

    public TermTable Table { get; } = new();

    /// <summary>What obeys a schema.</summary>
    /// <exception cref="ConstraintException">Something that answers can't be held to.</exception>
    public Term Value(Conjunction schema)
    {
        if (_values.TryGetValue(schema.Key, out var known))
        {
            return known;
        }
        var alternatives = _reader.Alternatives(schema);
        var pointer = schema.Parts.Count > 0 ? schema.Parts[0].Pointer : "";
        if (alternatives.All(facts => facts.Values is not null || (facts.Meant & JsonTypes.Containers) == JsonTypes.None))
        {
            return _values[schema.Key] = OneOf(alternatives, pointer);
        }
        var rule = Add(null, pointer);
        _open.Enqueue((rule, alternatives));
        return _values[schema.Key] = Table.Rule(rule, 0);
    }

    /// <summary>The automaton of a whole text.</summary>
    /// <param name="text">A term of <see cref="Table"/>.</param>
    /// <exception cref="ConstraintException">No text obeys it, or something that answers can't be held to.</exception>
    public Automaton Finish(Term text)
    {
        while (_open.TryDequeue(out var open))
        {
            _rules[open.Rule] = new(OneOf(open.Alternatives, _pointers[open.Rule]), IsValue: true);
        }
        Automaton automaton = new([.. _rules.Select(rule => rule!)], text);
        if (automaton.Start != automaton.Table.Never)
        {
            return automaton;
        }
        // The deepest of them: what can't be there makes impossible what it stands in.
        var pointer = Enumerable.Range(0, _rules.Count).Where(rule => !automaton.Fits(rule)).Select(rule => _pointers[rule])
            .MaxBy(found => found.Count(letter => letter == '/'));
        throw new ConstraintException($"no JSON of at most {ConstraintLimits.Levels} levels can obey the schema: it contradicts itself, "
            + "refers to itself without end, or nests deeper", string.IsNullOrEmpty(pointer) ? "#" : pointer);
    }

    private int Add(TermRule? rule, string pointer)
    {
        if (_rules.Count == ConstraintLimits.Rules)
        {
            throw new ConstraintException($"the schema leads to more than {ConstraintLimits.Rules} schemas", pointer);
        }
        _rules.Add(rule);
        _pointers.Add(pointer);
        return _rules.Count - 1;
    }

    private Term OneOf(IReadOnlyList<Facts> alternatives, string pointer) => Table.Either(alternatives.Select(facts => Of(facts, pointer)));

    private Term Of(Facts facts, string pointer)
    {
        var types = facts.Meant;
        if (facts.Values is { } values)
        {
            return facts.Object.IsSaid || facts.Array.IsSaid || facts.String.IsSaid || facts.Number.IsSaid
                ? throw new ConstraintException("enum and const can't be kept to together with what is said of strings, numbers, objects "
                    + "or arrays. Leave out the values that don't fit", pointer)
                : LiteralTerms.Any(Table, values.Where(value => (JsonTypeNames.Of(value) & types) != JsonTypes.None));
        }
        return Table.Either(Kinds());

        IEnumerable<Term> Kinds()
        {
            if (types.HasFlag(JsonTypes.Null))
            {
                yield return Table.Text("null"u8);
            }
            if (types.HasFlag(JsonTypes.Boolean))
            {
                yield return Table.Either(Table.Text("true"u8), Table.Text("false"u8));
            }
            if (types.HasFlag(JsonTypes.String))
            {
                yield return _strings.Value(facts.String);
            }
            if (types.HasFlag(JsonTypes.Fraction))
            {
                yield return _numbers.Number(facts.Number);
            }
            else if (types.HasFlag(JsonTypes.Integer))
            {
                yield return _numbers.Integer(facts.Number);
            }
            if (types.HasFlag(JsonTypes.Object))
            {
                yield return _containers.Object(facts.Object);
            }
            if (types.HasFlag(JsonTypes.Array))
            {
                yield return _containers.Array(facts.Array);
            }
        }
    }
}
