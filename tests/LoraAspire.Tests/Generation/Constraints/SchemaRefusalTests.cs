using System.Diagnostics;
using LoraAspire.Model.Generation.Constraints;

namespace LoraAspire.Tests.Generation.Constraints;

/// <summary>What answers can't be held to is refused in words, and soon.</summary>
public sealed class SchemaRefusalTests
{
    [Theory]
    [InlineData("""
        {"type": "object", "properties": {"a/b": {"type": "string", "format": "hostname"}}}
        """, "#/properties/a~1b/format", "hostname")]
    [InlineData("""{"not": {"type": "string"}}""", "#/not", "'not'")]
    [InlineData("""{"type": "array", "uniqueItems": true}""", "#/uniqueItems", "uniqueItems")]
    [InlineData("""{"type": "object", "patternProperties": {"^a": {}}}""", "#/patternProperties", "patternProperties")]
    [InlineData("""{"type": "object", "minProperties": 1}""", "#/minProperties", "minProperties")]
    [InlineData("""{"type": "number", "multipleOf": 0.1}""", "#/multipleOf", "multipleOf")]
    [InlineData("""{"type": "strnig"}""", "#/type", "type takes")]
    [InlineData("""{"type": "string", "tpye": 1}""", "#/tpye", "'tpye'")]
    [InlineData("""{"if": {}, "then": {}}""", "#/if", "'if'")]
    [InlineData("""{"$ref": "https://example.org/x"}""", "#/$ref", "can't be followed")]
    [InlineData("""{"$ref": "#/$defs/x"}""", "#/$ref", "leads nowhere")]
    [InlineData("""{"$ref": "#"}""", "#", "refers to itself")]
    [InlineData("""{"anyOf": []}""", "#/anyOf", "list of schemas")]
    [InlineData("""{"oneOf": [{"type": "integer"}, {"type": "number"}]}""", "#/oneOf", "may hold at once")]
    [InlineData("""{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}""", "#/properties/a", "without end")]
    [InlineData("""{"type": "object", "properties": {"a": false}, "required": ["a"]}""", "#", "contradicts itself")]
    [InlineData("""{"type": "integer", "minimum": 3, "maximum": 2}""", "#", "contradicts itself")]
    [InlineData("""{"type": "string", "pattern": "^a+$", "minLength": 3, "maxLength": 2}""", "#", "contradicts itself")]
    [InlineData("""{"type": "string", "pattern": "^(aa)+$", "minLength": 3, "maxLength": 3}""", "#", "contradicts itself")]
    [InlineData("""{"type": "string", "pattern": "(?=a)b"}""", "#/pattern", "look around")]
    [InlineData("""{"type": "string", "pattern": "(a)\\1"}""", "#/pattern", "'\\1'")]
    [InlineData("""{"type": "string", "pattern": "a("}""", "#/pattern", "isn't closed")]
    [InlineData("""{"type": "string", "pattern": "[z-a]"}""", "#/pattern", "range")]
    [InlineData("""{"type": "string", "pattern": "\\p{L}"}""", "#/pattern", "'\\p'")]
    [InlineData("""{"type": "string", "minLength": 1e9}""", "#/minLength", "no answer gets that long")]
    [InlineData("""{"type": "string", "minLength": -1}""", "#/minLength", "whole number")]
    [InlineData("""{"type": "number", "minimum": 1e-40}""", "#/minimum", "digits")]
    [InlineData("""{"type": "integer", "exclusiveMinimum": true}""", "#/exclusiveMinimum", "older drafts")]
    [InlineData("""{"items": [{"type": "string"}]}""", "#/items", "prefixItems")]
    [InlineData("""{"enum": ["a", "bc"], "minLength": 2}""", "#", "enum and const")]
    [InlineData("""{"properties": {"a": 1}}""", "#/properties/a", "object, true or false")]
    [InlineData("""{"type": "object", "properties": {"a": {}, "a": {}}}""", "#/properties", "twice")]
    [InlineData("""{"const": "\ud800"}""", "#/const", "surrogate")]
    [InlineData("[]", "#", "object, true or false")]
    public void A_schema_that_answers_cant_be_held_to_is_refused_with_its_pointer(string schema, string pointer, string words)
    {
        var error = Assert.Throws<ConstraintException>(() => Compile(schema));

        Assert.Equal(pointer, error.Pointer);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Hostile => new()
    {
        { "allOf of anyOf",
            $$"""{"allOf": [{{Repeated(30, i => $$"""{"anyOf": [{"required": ["a{{i}}"]}, {"required": ["b{{i}}"]}]}""")}}]}""" },
        { "too many alternatives", $$"""{"anyOf": [{{Repeated(300, i => $$"""{"const": {{i}}}""")}}]}""" },
        { "too large", $$"""{"enum": [{{Repeated(30_000, i => $"\"value {i}\"")}}]}""" },
        { "too many schemas",
            $$"""{"type": "object", "properties": { {{Repeated(6000, i => $$"""  "p{{i}}": {"type": "object"}""")}} } }""" },
        { "refs without end",
            $$"""{"$ref": "#/$defs/d0", "$defs": { {{Repeated(200, i => $$""" "d{{i}}": {"$ref": "#/$defs/d{{(i + 1) % 200}}"}""")}} } }"""
        },
        { "deeper than any answer", Chain(40) },
        { "deep groups", $$"""{"type": "string", "pattern": "{{new string('(', 900)}}a{{new string(')', 900)}}"}""" },
        { "a pattern that no string of the length can match", """
            {"type": "string", "pattern": "^(a{1,50}b{1,50}){3,90}c$", "minLength": 9999, "maxLength": 9999}
            """ },
    };

    [Theory, MemberData(nameof(Hostile))]
    public void A_hostile_schema_ends_in_words_and_soon(string name, string schema)
    {
        Compile("""{"type": "string", "pattern": "^a{2}$", "minLength": 1}"""); // what is compiled once is compiled
        var watch = Stopwatch.StartNew();

        var error = Assert.Throws<ConstraintException>(() => Compile(schema));

        // A second on a machine of its own; what it is held against takes minutes, or no end.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{name} took {watch.Elapsed}");
        Assert.True(error.Message.Length is > 30 and < 1000, error.Message);
    }

    public static TheoryData<string, string> Large => new()
    {
        { "many optional properties",
            $$"""{"type": "object", "properties": { {{Repeated(1000, i => $$""" "p{{i}}": {"type": "object"}""")}} } }""" },
        { "a huge length", """{"type": "string", "maxLength": 4000000000}""" },
        { "a long pattern's counts", """{"type": "string", "pattern": "^([a-z]{1,1000} ?){1,1000}$", "maxLength": 9000}""" },
        { "ways that double", """
            {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/a"}, "maxItems": 3}, {"type": "array", "items": {"$ref": "#/$defs/a"}, "maxItems": 4}]}}}
            """ },
        { "a pattern of many states", """{"type": "string", "pattern": "(a|b)*a(a|b){30}$"}""" },
    };

    [Theory, MemberData(nameof(Large))]
    public void A_large_schema_that_can_be_kept_to_is_walked_in_time_or_refused_in_words(string name, string schema)
    {
        var tokenizer = WalkTokenizers.Load("pebble");
        var watch = Stopwatch.StartNew();
        try
        {
            var constraint = JsonConstraintsTests.Make(schema, tokenizer)();
            Random random = new(1);
            for (var step = 0; step < 60 && !constraint.IsComplete; step++)
            {
                var allowed = ConstraintWalk.Allowed(constraint,
                    new float[tokenizer.VocabSize]).Where(id => id != tokenizer.EosId).ToList();
                constraint.Accept(allowed[random.Next(allowed.Count)]);
            }
        }
        catch (ConstraintException error)
        {
            Assert.True(error.Message.Length > 30, error.Message);
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{name} took {watch.Elapsed}");
    }

    private static void Compile(string schema) => JsonConstraintsTests.Make(schema, WalkTokenizers.Load("pebble"));

    private static string Repeated(int count, Func<int, string> item) => string.Join(", ", Enumerable.Range(0, count).Select(item));

    private static string Chain(int levels)
    {
        var open = string.Concat(Enumerable.Repeat("""{"type": "array", "minItems": 1, "items": """, levels));
        return $"{open}true{new string('}', levels)}";
    }
}
