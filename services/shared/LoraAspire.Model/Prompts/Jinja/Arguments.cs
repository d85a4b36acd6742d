namespace LoraAspire.Model.Prompts.Jinja;

/// <summary>What a call was given.</summary>
internal sealed record Arguments(IReadOnlyList<Value> Positional, IReadOnlyList<KeyValuePair<string, Value>> Named)
{
    public static readonly Arguments None = new([], []);

    public static Arguments Of(params Value[] positional) => new(positional, []);

    /// <summary>The values in the order of the names, null where there is none.</summary>
    /// <exception cref="TemplateException">More than that, an unknown name, or one given twice.</exception>
    public Value?[] Take(string function, params ReadOnlySpan<string> names)
    {
        if (Positional.Count > names.Length)
        {
            throw new TemplateException($"{function}() takes at most {names.Length} arguments ({Positional.Count} given)");
        }
        var values = new Value?[names.Length];
        for (var i = 0; i < Positional.Count; i++)
        {
            values[i] = Positional[i];
        }
        foreach (var (name, value) in Named)
        {
            var at = names.IndexOf(name);
            if (at < 0)
            {
                throw new TemplateException($"{function}() got an unexpected keyword argument '{name}'");
            }
            if (values[at] is not null)
            {
                throw new TemplateException($"{function}() got multiple values for argument '{name}'");
            }
            values[at] = value;
        }
        return values;
    }

    /// <summary>The same without the first positional ones.</summary>
    public Arguments After(int count) => new([.. Positional.Skip(count)], Named);
}
