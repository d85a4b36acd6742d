using System.Text.Json;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Generation.Constraints;

/// <summary>Placeholder until the grammar is merged: refuses in words.</summary>
public static class JsonConstraints
{
    public static Func<TokenConstraint> ForSchema(JsonElement schema, HfTokenizer tokenizer, IReadOnlySet<int> eosIds) =>
        throw new ConstraintException("Answers can't be held to a schema yet.");

    public static Func<TokenConstraint> ForObject(HfTokenizer tokenizer, IReadOnlySet<int> eosIds) =>
        throw new ConstraintException("Answers can't be held to JSON yet.");
}
