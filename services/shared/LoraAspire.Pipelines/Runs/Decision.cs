using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Pipelines.Runs;

/// <summary>What the coordinator commits for one message, all of it or nothing.</summary>
/// <param name="Events">To append to the run's log, in order.</param>
/// <param name="Orders">To put on the work streams.</param>
/// <param name="State">The state after the events.</param>
/// <param name="Waits">Stages are being planned: the same message is to be decided again when their plans are known, and is not done with before.</param>
public sealed record Decision(IReadOnlyList<RunEvent> Events, IReadOnlyList<StageOrder> Orders, RunState State, bool Waits = false);

/// <summary>Whether a stage whose inputs are there has to run.</summary>
public abstract record Preparation;

/// <summary>It has to; <paramref name="Order"/> is complete but for the attempt.</summary>
public sealed record MustRun(StageOrder Order, string? Explain = null) : Preparation;

/// <summary>The store holds what it would give.</summary>
public sealed record Done(string Key, IReadOnlyDictionary<string, string> Outputs) : Preparation;

/// <summary>It cannot run: a model or a data file it names is not there.</summary>
public sealed record Unready(string Error) : Preparation;

/// <summary>Not known yet: it is being looked up, which for a large model takes minutes.</summary>
public sealed record Later : Preparation;

/// <summary>Looks a ready stage up in the store. The state gives the digests of its inputs.</summary>
public delegate Preparation Prepare(Pipeline pipeline, StageSpec stage, RunState state);
