using System.Text;
using LoraAspire.Model.Generation.Constraints;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Tests.Generation.Constraints;

/// <summary>Answers without a model: tokens drawn from those that a constraint allows.</summary>
internal static class ConstraintWalk
{
    /// <summary>After so many tokens the way out is taken wherever there is one.</summary>
    private const int Free = 40, Longest = 3000;

    /// <param name="each">Is told the constraint before each token.</param>
    public static string Random(TokenConstraint constraint, HfTokenizer tokenizer, int seed, Action<TokenConstraint>? each = null)
    {
        Random random = new(seed);
        List<byte> text = [];
        var logits = new float[tokenizer.VocabSize + 7];
        for (var step = 0; step < Longest; step++)
        {
            each?.Invoke(constraint);
            var allowed = Allowed(constraint, logits);
            if (allowed.Contains(tokenizer.EosId) && (step > Free || random.Next(3) == 0))
            {
                constraint.Accept(tokenizer.EosId);
                Assert.True(constraint.IsComplete);
                return Encoding.UTF8.GetString([.. text]);
            }
            Assert.False(constraint.IsComplete && allowed.Exists(id => id != tokenizer.EosId), "more may follow a complete answer");
            // Long tokens, which are few, as often as short ones.
            var draw = allowed.Where(id => id != tokenizer.EosId).Select(id => (Id: id, Bytes: tokenizer.Bytes(id))).ToList();
            var way = step > Free ? draw.Where(token => token.Bytes is [(byte)'"' or (byte)'}' or (byte)']']).ToList() : [];
            var length = random.Next(1, 12);
            var choice = way.Count > 0 ? way.MaxBy(token => token.Bytes[0])
                : draw.Where(token => token.Bytes.Length >= length).ToList() is { Count: > 0 } some ? some[random.Next(some.Count)]
                : draw[random.Next(draw.Count)];
            constraint.Accept(choice.Id);
            text.AddRange(choice.Bytes);
        }
        throw new InvalidOperationException($"No end after {Longest} tokens: {Encoding.UTF8.GetString([.. text])}");
    }

    /// <summary>Null where the constraint takes the ids and an end after them; else where it doesn't.</summary>
    public static int? Stumbles(TokenConstraint constraint, HfTokenizer tokenizer, IReadOnlyList<int> ids)
    {
        var logits = new float[tokenizer.VocabSize];
        for (var i = 0; i < ids.Count; i++)
        {
            if (!Allowed(constraint, logits).Contains(ids[i]))
            {
                return i;
            }
            constraint.Accept(ids[i]);
        }
        return Allowed(constraint, logits).Contains(tokenizer.EosId) ? null : ids.Count;
    }

    public static List<int> Allowed(TokenConstraint constraint, float[] logits)
    {
        Array.Clear(logits);
        constraint.Mask(logits);
        List<int> allowed = [];
        for (var id = 0; id < logits.Length; id++)
        {
            if (logits[id] == 0)
            {
                allowed.Add(id);
            }
        }
        return allowed;
    }
}
