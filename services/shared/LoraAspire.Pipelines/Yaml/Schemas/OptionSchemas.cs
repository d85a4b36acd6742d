using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Pipelines.Yaml.Schemas;

/// <summary>The records of options as definitions of a JSON Schema, by the same rules as <see cref="Binder"/> reads them.</summary>
internal sealed class OptionSchemas
{
    private readonly SummaryTexts _summaries = new(typeof(StageKind).Assembly);

    public JsonObject Definitions { get; } = [];

    /// <summary>The <c>with</c> of a kind of stage. Keys of other trainers are taken, and not offered.</summary>
    public JsonObject Of(StageKind kind)
    {
        var reference = Reference(kind.Params);
        var definition = (JsonObject)Definitions[kind.Params.Name]!;
        definition["patternProperties"] = new JsonObject { [$"^({string.Join('|', Aliases.TakenBy(kind))})$"] = true };
        definition.Remove("required"); // an alias may give it
        return reference;
    }

    public static JsonObject OrNull(JsonObject schema) => new() { ["anyOf"] = new JsonArray(new JsonObject { ["type"] = "null" }, schema) };

    /// <summary>Text: in YAML a number or a word such as true is one as well.</summary>
    public static JsonObject Scalar(string? description = null) =>
        Described(new() { ["type"] = new JsonArray("string", "number", "boolean") }, description);

    private JsonObject Reference(Type type)
    {
        if (!Definitions.ContainsKey(type.Name))
        {
            Definitions[type.Name] = null; // its place, should it hold itself
            Definitions[type.Name] = Record(type);
        }
        return new() { ["$ref"] = $"#/definitions/{type.Name}" };
    }

    private JsonObject Record(Type type)
    {
        JsonObject properties = [];
        JsonArray required = [];
        var usual = type.IsAbstract ? null : Activator.CreateInstance(type);
        foreach (var property in OptionTypes.Properties(type))
        {
            var isRequired = property.IsDefined(typeof(RequiredMemberAttribute));
            var schema = Value(property.PropertyType, property.GetCustomAttribute<RangeAttribute>());
            if (!isRequired && Default(usual is null ? null : property.GetValue(usual)) is { } standard)
            {
                schema["default"] = standard;
            }
            if (Binder.IsNullable(property))
            {
                schema = OrNull(schema);
            }
            properties[Binder.KeyOf(property.Name)] = Described(schema, _summaries.Of(property));
            if (isRequired)
            {
                required.Add((JsonNode)Binder.KeyOf(property.Name));
            }
        }
        return new()
        {
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["properties"] = properties,
            ["required"] = required,
        };
    }

    private JsonObject Value(Type type, RangeAttribute? range)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
        {
            var element = type.GetGenericArguments()[0];
            JsonObject list = new() { ["type"] = "array", ["items"] = Value(element, range) };
            return element != typeof(string) ? list : new() { ["anyOf"] = new JsonArray(list, Scalar()) };
        }
        if (type.IsGenericType)
        {
            return new() { ["type"] = "object", ["additionalProperties"] = Value(type.GetGenericArguments()[1], range) };
        }
        return type == typeof(string) ? Scalar()
            : type == typeof(bool) ? new() { ["type"] = "boolean" }
            : type == typeof(int) ? Number("integer", range)
            : type == typeof(double) ? Number("number", range)
            : type.IsEnum ? new() { ["enum"] = new JsonArray([.. Binder.EnumWords(type).Select(Word)]) }
            : type == typeof(DataSource) ? Sources()
            : OptionTypes.Forms(type) is { } forms
                ? new() { ["description"] = forms, ["type"] = new JsonArray("string", "integer", "array") }
            : new() { ["allOf"] = new JsonArray(Reference(type)) }; // beside a reference nothing else counts
    }

    /// <summary>true, false and none are words in YAML as in JSON; so is a number.</summary>
    private static JsonNode Word(string word) => word;

    private JsonObject Sources()
    {
        const string name = nameof(DataSource);
        if (!Definitions.ContainsKey(name))
        {
            JsonObject kinds = [];
            foreach (var (key, source) in SourceKinds.All)
            {
                kinds[key] = OrNull(Reference(source));
            }
            Definitions[name] = new JsonObject
            {
                ["type"] = "object",
                ["minProperties"] = 1,
                ["maxProperties"] = 1,
                ["additionalProperties"] = false,
                ["properties"] = kinds,
            };
        }
        return new() { ["$ref"] = $"#/definitions/{name}" };
    }

    private static JsonObject Number(string type, RangeAttribute? range)
    {
        JsonObject schema = new() { ["type"] = type };
        if (range is not null)
        {
            schema[range.MinimumIsExclusive ? "exclusiveMinimum" : "minimum"] = Limit(range.Minimum);
            schema[range.MaximumIsExclusive ? "exclusiveMaximum" : "maximum"] = Limit(range.Maximum);
        }
        return schema;
    }

    private static JsonNode Limit(object limit) => limit is int whole ? whole : Convert.ToDouble(limit, CultureInfo.InvariantCulture);

    /// <summary>Of what is one value; what is longer stands in the documentation.</summary>
    private static JsonNode? Default(object? value) => value switch
    {
        bool flag => flag,
        int whole => whole,
        double number when double.IsFinite(number) => number,
        string { Length: > 0 } text => text,
        Enum word => JsonNamingPolicy.KebabCaseLower.ConvertName(word.ToString()),
        _ => null,
    };

    private static JsonObject Described(JsonObject schema, string? description)
    {
        if (description is not null)
        {
            schema["description"] = description;
        }
        return schema;
    }
}
