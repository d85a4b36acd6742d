namespace LoraAspire.Trainer.Ranks;

/// <summary>What rank 0 has every device do.</summary>
/// <param name="Tokens">Of a micro-batch.</param>
/// <param name="Step">Counted from 0; of a synchronisation, the updates that are in the parameters.</param>
internal readonly record struct Order(OrderKind Kind, int Tokens = 0, int Step = 0);

internal enum OrderKind { End, Synchronise, Preflight, Step, Validate }
