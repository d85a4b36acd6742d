using System.Text;
using System.Text.Json;
using Json.Schema;
using LoraAspire.Model.Generation.Constraints;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Tests.Generation.Constraints;

/// <summary>Answers held to a schema, by this repository's tokenizer and others.</summary>
public sealed class JsonConstraintsTests
{
    public static TheoryData<string> Tokenizers => [.. WalkTokenizers.Names];

    public static TheoryData<string> Cases => [.. SchemaCase.All.Select(known => known.Name)];

    [Theory, MemberData(nameof(Tokenizers))]
    public void Whatever_walk_through_allowed_tokens_ends_in_json_that_another_validator_accepts(string name)
    {
        var tokenizer = WalkTokenizers.Load(name);
        var seeds = tokenizer.VocabSize < 10_000 ? 10 : 2;
        foreach (var known in SchemaCase.All.Where(known => known.Walks))
        {
            var schema = JsonSchema.FromText(known.Schema, new() { SchemaRegistry = new() });
            var make = Make(known.Schema, tokenizer);
            for (var seed = 0; seed < seeds; seed++)
            {
                var text = ConstraintWalk.Random(make(), tokenizer, seed);

                var result = schema.Evaluate(JsonElement.Parse(text.Trim()), new() { RequireFormatValidation = true });
                Assert.True(result.IsValid, $"{known.Name}, seed {seed}: {text}");
            }
        }
    }

    [Theory, MemberData(nameof(Tokenizers))]
    public void Every_token_of_a_valid_text_is_allowed_and_every_invalid_text_stumbles(string name)
    {
        var tokenizer = WalkTokenizers.Load(name);
        foreach (var known in SchemaCase.All)
        {
            var make = Make(known.Schema, tokenizer);
            foreach (var text in known.Valid)
            {
                foreach (var ids in new[] { tokenizer.EncodeContinuation(text), tokenizer.Encode(text, addBos: false) })
                {
                    var stumbles = ConstraintWalk.Stumbles(make(), tokenizer, ids);
                    Assert.True(stumbles is null, $"{known.Name}: {text} stumbles at token {stumbles}");
                }
            }
            foreach (var text in known.Invalid)
            {
                var ids = tokenizer.EncodeContinuation(text);
                if (Encoding.UTF8.GetString([.. ids.SelectMany(tokenizer.Bytes)]) != text)
                {
                    continue; // a tokenizer that takes two spaces for one can't spell it
                }
                var stumbles = ConstraintWalk.Stumbles(make(), tokenizer, ids);
                Assert.True(stumbles is not null, $"{known.Name}: {text} is taken");
            }
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_other_validator_agrees_on_the_texts_of_these_tests(string name)
    {
        var known = SchemaCase.Named(name);
        var schema = JsonSchema.FromText(known.Schema, new() { SchemaRegistry = new() });

        Assert.All(known.Valid, text => Assert.True(schema.Evaluate(JsonElement.Parse(text.Trim()),
            new() { RequireFormatValidation = true }).IsValid, text));
    }

    [Theory, MemberData(nameof(Tokenizers))]
    public void Masks_are_what_trying_every_token_gives(string name)
    {
        var tokenizer = WalkTokenizers.Load(name);
        var every = tokenizer.VocabSize < 10_000 ? 3 : 97; // of a large vocabulary a sample
        foreach (var known in SchemaCase.All.Where((known, i) => known.Walks && (tokenizer.VocabSize < 10_000 || i % 4 == 0)))
        {
            var make = Make(known.Schema, tokenizer);
            var offset = 0;
            ConstraintWalk.Random(make(), tokenizer, seed: 7, constraint =>
            {
                var grammar = (GrammarConstraint)constraint;
                var mask = grammar.Allowed();
                offset = (offset + 1) % every;
                for (var id = offset; id < tokenizer.VocabSize; id += every)
                {
                    Assert.True(mask.Allows(id) == grammar.Takes(id), $"{known.Name}: token {id}");
                }
            });
        }
    }

    [Theory, MemberData(nameof(Tokenizers))]
    public void Lengths_count_characters_and_not_bytes_or_escapes(string name)
    {
        var tokenizer = WalkTokenizers.Load(name);
        var make = Make("""{"type": "string", "minLength": 5, "maxLength": 7}""", tokenizer);
        for (var seed = 0; seed < 10; seed++)
        {
            var text = JsonElement.Parse(ConstraintWalk.Random(make(), tokenizer, seed).Trim()).GetString()!;

            Assert.InRange(text.EnumerateRunes().Count(), 5, 7);
        }
    }

    [Fact]
    public void Special_tokens_never_come_and_the_end_only_where_the_text_may_end()
    {
        var tokenizer = WalkTokenizers.Load("pebble");
        var constraint = Make("""{"type": "integer", "minimum": 1, "maximum": 19}""", tokenizer)();
        var logits = new float[tokenizer.VocabSize];

        Assert.DoesNotContain(tokenizer.EosId, ConstraintWalk.Allowed(constraint, logits));
        Assert.DoesNotContain(tokenizer.BosId, ConstraintWalk.Allowed(constraint, logits));
        Accept(constraint, tokenizer, "1");
        Assert.Contains(tokenizer.EosId, ConstraintWalk.Allowed(constraint, logits));
        Assert.False(constraint.IsComplete);
        Accept(constraint, tokenizer, "7");
        Assert.Equal([tokenizer.EosId], ConstraintWalk.Allowed(constraint, logits));
        Assert.True(constraint.IsComplete);
        Assert.Throws<ConstraintException>(() => Accept(constraint, tokenizer, "7"));
    }

    [Fact]
    public void Answers_to_one_schema_share_what_is_compiled_and_not_their_place()
    {
        var tokenizer = WalkTokenizers.Load("pebble");
        var make = Make("""{"enum": ["ab", "cd"]}""", tokenizer);
        var (one, other) = (make(), Make("""{"enum": ["ab", "cd"]}""", tokenizer)());

        Accept(one, tokenizer, "\"ab\"");

        Assert.True(one.IsComplete);
        Assert.False(other.IsComplete);
        Accept(other, tokenizer, "\"cd\"");
        Assert.True(other.IsComplete);
    }

    [Fact]
    public void Values_nest_up_to_a_limit_and_then_close()
    {
        var tokenizer = WalkTokenizers.Load("pebble");
        var make = Make("true", tokenizer);
        string Nested(int levels) => new string('[', levels) + new string(']', levels);

        Assert.Null(ConstraintWalk.Stumbles(make(), tokenizer, tokenizer.EncodeContinuation(Nested(ConstraintLimits.Levels))));
        Assert.NotNull(ConstraintWalk.Stumbles(make(), tokenizer, tokenizer.EncodeContinuation(Nested(ConstraintLimits.Levels + 1))));
    }

    private static void Accept(TokenConstraint constraint, HfTokenizer tokenizer, string text)
    {
        foreach (var id in tokenizer.EncodeContinuation(text))
        {
            constraint.Accept(id);
        }
    }

    internal static Func<TokenConstraint> Make(string schema, HfTokenizer tokenizer) =>
        JsonConstraints.ForSchema(JsonElement.Parse(schema), tokenizer, new HashSet<int> { tokenizer.EosId });
}
