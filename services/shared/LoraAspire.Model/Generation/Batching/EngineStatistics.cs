namespace LoraAspire.Model.Generation.Batching;

/// <summary>What an engine has done and is at.</summary>
/// <param name="Running">Answers in work.</param>
/// <param name="Waiting">Answers that wait for a place or for blocks.</param>
/// <param name="BlocksUsed">Blocks of the cache that answers in work hold.</param>
/// <param name="PromptTokens">Of all requests so far.</param>
/// <param name="ReusedTokens">Of those, the ones whose keys and values another text had left in the cache.</param>
/// <param name="AnswerTokens">Drawn so far.</param>
/// <param name="Preemptions">How often an answer had to give its blocks away and was computed again later.</param>
public readonly record struct EngineStatistics(int Running, int Waiting, int BlocksUsed, int Blocks, long PromptTokens, long ReusedTokens,
    long AnswerTokens, long Steps, long Preemptions);
