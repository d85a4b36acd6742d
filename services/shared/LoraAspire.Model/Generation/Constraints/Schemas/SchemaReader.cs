using System.Text.Json;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>Schemas as alternatives of plain facts: references followed, allOf, anyOf and oneOf multiplied out.</summary>
internal sealed class SchemaReader
{
    private readonly Dictionary<string, IReadOnlyList<Facts>> _known = [];
    private readonly HashSet<string> _open = [];
    private int _merges;

    /// <exception cref="ConstraintException">Something that answers can't be held to.</exception>
    public IReadOnlyList<Facts> Alternatives(Conjunction schemas)
    {
        if (_known.TryGetValue(schemas.Key, out var known))
        {
            return known;
        }
        IReadOnlyList<Facts> all = [Facts.Any];
        foreach (var part in schemas.Parts)
        {
            all = And(all, Alternatives(part), part);
        }
        return _known[schemas.Key] = all;
    }

    private IReadOnlyList<Facts> Alternatives(Subschema schema)
    {
        switch (schema.Element.ValueKind)
        {
            case JsonValueKind.True:
                return [Facts.Any];
            case JsonValueKind.False:
                return [];
            case JsonValueKind.Object:
                break;
            default:
                throw schema.Refused("a schema is an object, true or false");
        }
        Terms.TermTable.EnsureStack();
        if (!_open.Add(schema.Pointer))
        {
            throw schema.Refused("the schema refers to itself for the same value, without end");
        }
        IReadOnlyList<Facts> all = [SchemaKeywords.Read(schema)];
        foreach (var property in schema.Element.EnumerateObject())
        {
            var at = schema.At(property.Name, property.Value);
            all = property.Name switch
            {
                "$ref" => And(all, Alternatives(schema.Document.Resolve(property.Value.ValueKind == JsonValueKind.String
                    ? property.Value.GetString()! : throw at.Refused("$ref takes a string"), at)), at),
                "allOf" => Branches(at).Aggregate(all, (sofar, branch) => And(sofar, Alternatives(branch), branch)),
                "anyOf" => And(all, Limited([.. Branches(at).SelectMany(Alternatives)], at), at),
                "oneOf" => OneOf(all, at),
                _ => all,
            };
        }
        _open.Remove(schema.Pointer);
        return all;
    }

    private IReadOnlyList<Facts> OneOf(IReadOnlyList<Facts> beside, Subschema at)
    {
        var groups = Branches(at).Select(branch => And(beside, Alternatives(branch), branch)).ToList();
        for (var second = 1; second < groups.Count; second++)
        {
            for (var first = 0; first < second; first++)
            {
                if (groups[first].Any(a => groups[second].Any(b => !Exclude(a, b, depth: 0, at))))
                {
                    throw at.Refused($"the alternatives {first} and {second} of oneOf may hold at once, as far as can be seen, and "
                        + "then none would count. Use anyOf, or give each a required property with a const of its own");
                }
            }
        }
        return Limited([.. groups.SelectMany(group => group)], at);
    }

    /// <summary>Whether no value obeys both, for a reason that is easily seen.</summary>
    private bool Exclude(Facts a, Facts b, int depth, Subschema at)
    {
        Spend(at);
        var common = a.Types & b.Types;
        if (common == JsonTypes.None || a.And(b) is null)
        {
            return true;
        }
        if (a.Values is not null || b.Values is not null)
        {
            var (values, types) = a.Values is { } mine ? (mine, b.Types) : (b.Values!, a.Types);
            return values.All(value => (JsonTypeNames.Of(value) & types) == JsonTypes.None);
        }
        return common == JsonTypes.Object && depth < 3 && (Lacks(a.Object, b.Object) || Lacks(b.Object, a.Object)
            || a.Object.Required.Intersect(b.Object.Required).Any(name => Differ(Of(a.Object, name), Of(b.Object, name))));

        // A required property that the other doesn't allow.
        static bool Lacks(ObjectFacts needs, ObjectFacts other) => needs.Required.Any(name => Of(other, name) is { Parts: [var only] }
            && only.Element.ValueKind == JsonValueKind.False);

        static Conjunction Of(ObjectFacts facts, string name) =>
            facts.Properties.FirstOrDefault(property => property.Key == name).Value ?? facts.Others ?? Conjunction.Any;

        bool Differ(Conjunction x, Conjunction y) =>
            Constants(x) && Constants(y)
                && Alternatives(x).All(one => Alternatives(y).All(other => Exclude(one, other, depth + 1, at)));

        // Only what is plainly a value or a type is looked at: following more could lead back here.
        static bool Constants(Conjunction schemas) => schemas.Parts.Any(part => part.Element.ValueKind == JsonValueKind.Object
            && (part.Element.TryGetProperty("const", out _) || part.Element.TryGetProperty("enum", out _)
                || part.Element.TryGetProperty("type", out _)));
    }

    private IReadOnlyList<Facts> And(IReadOnlyList<Facts> some, IReadOnlyList<Facts> others, Subschema at)
    {
        if (some is [var one] && one == Facts.Any)
        {
            return others;
        }
        List<Facts> all = [];
        foreach (var a in some)
        {
            foreach (var b in others)
            {
                Spend(at);
                if (a.And(b) is { } both)
                {
                    all.Add(both);
                }
            }
        }
        return Limited(all, at);
    }

    private static IEnumerable<Subschema> Branches(Subschema at) =>
        at.Element.ValueKind == JsonValueKind.Array && at.Element.GetArrayLength() > 0
            ? at.Element.EnumerateArray().Select((branch, i) => at.At($"{i}", branch)) : throw at.Refused("a list of schemas is meant");

    private static IReadOnlyList<Facts> Limited(IReadOnlyList<Facts> all, Subschema at) => all.Count <= ConstraintLimits.Alternatives ? all
        : throw at.Refused($"anyOf, oneOf and allOf give more than {ConstraintLimits.Alternatives} alternatives for one value");

    private void Spend(Subschema at)
    {
        if (++_merges > ConstraintLimits.Merges)
        {
            throw at.Refused("anyOf, oneOf and allOf take too much work to multiply out");
        }
    }
}
