using System.Text;
using System.Text.Json;
using LoraAspire.Model.Generation.Constraints.Schemas;
using LoraAspire.Model.Generation.Constraints.Terms;
using LoraAspire.Model.Generation.Constraints.Tokens;
using LoraAspire.Model.Generation.Tools;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Generation.Constraints;

/// <summary>
/// Answers that are JSON, by a schema or any, or tool calls. What is compiled is kept with the tokenizer, so that asking again for the
/// same costs little.
/// </summary>
public static class JsonConstraints
{
    /// <summary>A first token often begins with a space, and some models with a line break.</summary>
    private const int SpacesBefore = 2;

    /// <summary>An answer that obeys a JSON Schema (2020-12; docs/serving.md tells which keywords).</summary>
    /// <param name="eosIds">Tokens that end an answer.</param>
    /// <exception cref="ConstraintException">Something in the schema that answers can't be held to.</exception>
    public static Func<TokenConstraint> ForSchema(JsonElement schema, HfTokenizer tokenizer, IReadOnlySet<int> eosIds) =>
        Once($"schema {Raw(schema)}", tokenizer, eosIds, compiler => compiler.Value(Conjunction.Of(new SchemaDocument(schema, "#").Root)));

    /// <summary>An answer that is any JSON object.</summary>
    /// <param name="eosIds">Tokens that end an answer.</param>
    public static Func<TokenConstraint> ForObject(HfTokenizer tokenizer, IReadOnlySet<int> eosIds)
    {
        using var any = JsonDocument.Parse("""{"type": "object"}""");
        return ForSchema(any.RootElement, tokenizer, eosIds);
    }

    /// <summary>An answer that calls tools, with arguments by their schemas.</summary>
    /// <param name="tools">As in OpenAI's API: [{"type": "function", "function": {"name": …, "parameters": schema}}]. A function without
    /// parameters takes none.</param>
    /// <param name="name">The one to call; null: any.</param>
    /// <param name="eosIds">Tokens that end an answer.</param>
    /// <param name="calls">The most calls in one answer, where the format has room for several.</param>
    /// <exception cref="ConstraintException">Something in the tools that answers can't be held to, or no tool of this name.</exception>
    public static Func<TokenConstraint> ForToolCall(JsonElement tools, string? name, ToolCallFormat format, HfTokenizer tokenizer,
        IReadOnlySet<int> eosIds, int calls = 1) =>
        Once($"tools {format.Name} {calls} {name?.Length} {name} {Raw(tools)}", tokenizer, eosIds, compiler =>
        {
            var table = compiler.Table;
            Term Text(string text) => table.Text(Encoding.UTF8.GetBytes(text));
            var call = table.Sequence(Text(format.Open + "{\"name\": "),
                table.Either(Tool.Read(tools, name).Select(tool => table.Sequence(LiteralTerms.Any(table, [tool.QuotedName]),
                    Text($", \"{format.ArgumentsKey}\": "), compiler.Value(tool.Arguments)))),
                Text("}" + format.Close));
            return format.TakesSeveral ? table.Then(call, table.Repeat(table.Then(table.Byte('\n'), call), 0, calls - 1)) : call;
        });

    private static Func<TokenConstraint> Once(string key, HfTokenizer tokenizer, IReadOnlySet<int> eosIds, Func<SchemaCompiler, Term> text)
    {
        var grammar = TokenizerGrammars.Of(tokenizer).Get(key, eosIds, () => Compile(text));
        return () => new GrammarConstraint(grammar);
    }

    internal static Automaton Compile(Func<SchemaCompiler, Term> text)
    {
        SchemaCompiler compiler = new();
        var spaces = compiler.Table.Repeat(compiler.Table.Bytes(ByteSet.Of(" \n")), 0, SpacesBefore);
        return compiler.Finish(compiler.Table.Then(spaces, text(compiler)));
    }

    private static string Raw(JsonElement json) =>
        json.ValueKind == JsonValueKind.Undefined ? "" : SchemaDocument.Raw(json, "#");
}
