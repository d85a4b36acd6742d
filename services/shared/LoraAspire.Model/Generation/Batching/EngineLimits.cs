namespace LoraAspire.Model.Generation.Batching;

/// <summary>How much an engine takes on.</summary>
/// <param name="StepTokens">
/// Tokens that one step computes, answers and prompts together: a longer prompt is read over several steps, so that the answers of others
/// go on meanwhile.
/// </param>
/// <param name="Queue">Requests that may wait until one of those in work has ended.</param>
public sealed record EngineLimits(int StepTokens = 512, int Queue = 1024);
