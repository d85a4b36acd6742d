using System.Text.Json;

namespace LoraAspire.Model.Generation.Constraints.Schemas;

/// <summary>What a value has to be, without alternatives and references.</summary>
/// <param name="Values">The only values that it may have; null: any.</param>
internal sealed record Facts(JsonTypes Types, IReadOnlyList<JsonElement>? Values, ObjectFacts Object, ArrayFacts Array, StringFacts String,
    NumberFacts Number)
{
    public static Facts Any { get; } = new(JsonTypes.All, null, ObjectFacts.Any, ArrayFacts.Any, StringFacts.Any, NumberFacts.Any);

    /// <summary>What both ask for; null where no value obeys both.</summary>
    public Facts? And(Facts other)
    {
        var values = Values is null ? other.Values
            : other.Values is null ? Values
            : [.. Values.Where(value => other.Values.Any(same => JsonElement.DeepEquals(value, same)))];
        var types = Types & other.Types;
        return types == JsonTypes.None || values is { Count: 0 } ? null
            : new(types, values, Object.And(other.Object), Array.And(other.Array), String.And(other.String), Number.And(other.Number));
    }

    /// <summary>
    /// The types that are meant: where no type is named, what is said of objects, arrays, strings or numbers says that it is one of these.
    /// </summary>
    public JsonTypes Meant
    {
        get
        {
            var said = (Object.IsSaid ? JsonTypes.Object : 0) | (Array.IsSaid ? JsonTypes.Array : 0)
                | (String.IsSaid ? JsonTypes.String : 0) | (Number.IsSaid ? JsonTypes.Number : 0);
            return Types == JsonTypes.All && said != JsonTypes.None ? said : Types;
        }
    }
}

/// <param name="Properties">In the order in which they are written.</param>
/// <param name="Others">What else there may be; null: nothing is said.</param>
internal sealed record ObjectFacts(IReadOnlyList<KeyValuePair<string, Conjunction>> Properties, IReadOnlyList<string> Required,
    Conjunction? Others)
{
    public static ObjectFacts Any { get; } = new([], [], null);

    public bool IsSaid => Properties.Count > 0 || Required.Count > 0 || Others is not null;

    public ObjectFacts And(ObjectFacts other)
    {
        if (!IsSaid || !other.IsSaid)
        {
            return IsSaid ? this : other;
        }
        var names = Properties.Concat(other.Properties).Select(property => property.Key).Distinct();
        var (mine, theirs) = (Properties.ToDictionary(), other.Properties.ToDictionary());
        return new([.. names.Select(name => KeyValuePair.Create(name, (mine.GetValueOrDefault(name) ?? Others ?? Conjunction.Any)
                .And(theirs.GetValueOrDefault(name) ?? other.Others ?? Conjunction.Any)))],
            [.. Required.Union(other.Required)],
            Others is null ? other.Others : other.Others is null ? Others : Others.And(other.Others));
    }
}

/// <param name="First">Of the first items, one each.</param>
/// <param name="Others">Of the items after these; null: nothing is said.</param>
internal sealed record ArrayFacts(IReadOnlyList<Conjunction> First, Conjunction? Others, int Min, int Max)
{
    public static ArrayFacts Any { get; } = new([], null, 0, int.MaxValue);

    public bool IsSaid => this != Any;

    public ArrayFacts And(ArrayFacts other)
    {
        if (!IsSaid || !other.IsSaid)
        {
            return IsSaid ? this : other;
        }
        Conjunction? At(ArrayFacts facts, int i) => i < facts.First.Count ? facts.First[i] : facts.Others;
        return new([.. Enumerable.Range(0, Math.Max(First.Count, other.First.Count))
                .Select(i => (At(this, i) ?? Conjunction.Any).And(At(other, i) ?? Conjunction.Any))],
            Others is null ? other.Others : other.Others is null ? Others : Others.And(other.Others),
            Math.Max(Min, other.Min), Math.Min(Max, other.Max));
    }
}

/// <param name="Patterns">Regular expressions that all match, with where each stands.</param>
internal sealed record StringFacts(int Min, int Max, IReadOnlyList<(string Pattern, string Pointer)> Patterns)
{
    public static StringFacts Any { get; } = new(0, int.MaxValue, []);

    public bool IsSaid => this != Any;

    public StringFacts And(StringFacts other) => !IsSaid ? other : !other.IsSaid ? this
        : new(Math.Max(Min, other.Min), Math.Min(Max, other.Max), [.. Patterns.Union(other.Patterns)]);
}

internal sealed record NumberFacts(NumberBound? Low, NumberBound? High)
{
    public static NumberFacts Any { get; } = new(null, null);

    public bool IsSaid => this != Any;

    public NumberFacts And(NumberFacts other) => new(NumberBound.Tighter(Low, other.Low, 1), NumberBound.Tighter(High, other.High, -1));
}
