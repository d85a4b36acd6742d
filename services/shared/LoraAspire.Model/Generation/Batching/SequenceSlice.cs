namespace LoraAspire.Model.Generation.Batching;

/// <summary>Tokens of one sequence that a step computes: one while it decodes, more while it reads its prompt.</summary>
/// <param name="Ids">At least one.</param>
/// <param name="Start">Position of the first of them; keys and values of all positions before it are in the cache.</param>
/// <param name="Blocks">The block table: position p lies in block Blocks[p / BlockSize] at p % BlockSize. Covers all of Ids.</param>
/// <param name="WantsLogits">The result of its last token is wanted.</param>
/// <param name="Adapter">Of <see cref="StepExecutor.AddAdapter"/>, or -1 for the base alone.</param>
/// <param name="Draw">
/// How the executor may draw the next token where it does that itself (on the device); null where the caller needs the logits.
/// </param>
public readonly record struct SequenceSlice(ReadOnlyMemory<int> Ids, int Start, ReadOnlyMemory<int> Blocks, bool WantsLogits,
    int Adapter = -1, TokenDraw? Draw = null);

/// <summary>What it takes to draw a token from logits without their history: temperature, then top-k, top-p, min-p.</summary>
/// <param name="Temperature">Below 1e-5 the most probable token.</param>
/// <param name="TopK">0 keeps all.</param>
/// <param name="Uniform">The draw's random number, [0, 1); it depends on the request's seed and the token's place alone.</param>
public sealed record TokenDraw(double Temperature, int TopK, double TopP, double MinP, double Uniform)
{
    public const double GreedyBelow = 1e-5;
}
