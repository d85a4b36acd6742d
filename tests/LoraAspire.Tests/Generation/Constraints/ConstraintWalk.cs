using System.Runtime.CompilerServices;
using System.Text;
using LoraAspire.Model.Generation.Constraints;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Tests.Generation.Constraints;

/// <summary>Answers without a model: tokens drawn from those that a constraint allows.</summary>
internal static class ConstraintWalk
{
    /// <summary>After so many tokens the way out is taken wherever there is one.</summary>
    private const int Free = 30, Longest = 1500;

    private static readonly ConditionalWeakTable<HfTokenizer, int[]> s_ways = [];

    /// <param name="each">Is told the constraint before each token.</param>
    public static string Random(TokenConstraint constraint, HfTokenizer tokenizer, int seed, Action<TokenConstraint>? each = null)
    {
        Random random = new(seed);
        List<byte> text = [];
        var logits = new float[tokenizer.VocabSize + 7];
        var ways = s_ways.GetValue(tokenizer, of => [.. Enumerable.Range(0, of.VocabSize)
            .Where(id => of.Knows(id) && of.Bytes(id) is [(byte)'"' or (byte)'}' or (byte)']'])]);
        for (var step = 0; step < Longest; step++)
        {
            each?.Invoke(constraint);
            var allowed = Allowed(constraint, logits);
            if (allowed.Contains(tokenizer.EosId) && (allowed.Count == 1 || step > Free || random.Next(3) == 0))
            {
                constraint.Accept(tokenizer.EosId);
                Assert.True(constraint.IsComplete);
                return Encoding.UTF8.GetString([.. text]);
            }
            Assert.False(constraint.IsComplete && allowed.Exists(id => id != tokenizer.EosId), "more may follow a complete answer");
            // Long tokens, which are few, as often as short ones.
            var length = random.Next(1, 12);
            var draw = Enumerable.Range(0, 30).Select(_ => allowed[random.Next(allowed.Count)]).Where(id => id != tokenizer.EosId)
                .OrderBy(id => Math.Abs(tokenizer.Bytes(id).Length - length)).ToList();
            var exits = step > Free ? ways.Where(allowed.Contains).ToList() : [];
            if (exits.Count + draw.Count == 0)
            {
                continue;
            }
            var choice = exits.Count > 0 ? exits[random.Next(exits.Count)] : draw[0];
            constraint.Accept(choice);
            text.AddRange(tokenizer.Bytes(choice));
        }
        throw new InvalidOperationException($"No end after {Longest} tokens: {Encoding.UTF8.GetString([.. text])}");
    }

    /// <summary>Null where the constraint takes the ids and an end after them; else where it doesn't.</summary>
    public static int? Stumbles(TokenConstraint constraint, HfTokenizer tokenizer, IReadOnlyList<int> ids)
    {
        var grammar = (GrammarConstraint)constraint;
        for (var i = 0; i < ids.Count; i++)
        {
            if (!grammar.Takes(ids[i]))
            {
                return i;
            }
            constraint.Accept(ids[i]);
        }
        return grammar.Takes(tokenizer.EosId) ? null : ids.Count;
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
