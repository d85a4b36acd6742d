using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Store;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace LoraAspire.Runtime.Planning;

/// <summary>
/// A ready stage → its key, from the digests of everything it depends on, and whether the store knows that key or lacks an input.
/// </summary>
public sealed class Planner(ArtifactStore store, ContentDigests digests, ILogger<Planner>? log = null)
{
    private readonly ILogger _log = log ?? NullLogger<Planner>.Instance;

    /// <summary>The files and models of this installation.</summary>
    public ReferenceCheck References => digests.References;

    /// <summary>
    /// Hashes what isn't remembered, which for a large model takes minutes. Whatever goes wrong is a <see cref="CannotRun"/> with its
    /// reason; nothing is thrown.
    /// </summary>
    /// <exception cref="OperationCanceledException">Only when <paramref name="cancellationToken"/> asks for it.</exception>
    public StagePlan Plan(PlanRequest request, IProgress<HashProgress>? progress, CancellationToken cancellationToken)
    {
        var (spec, state) = (request.Stage, request.State);
        try
        {
            var inputs = spec.Inputs.ToDictionary(input => input.Key, input => Input(input.Value, state, progress, cancellationToken));
            var files =
                spec.With.DataFiles().Distinct().ToDictionary(path => path, path => digests.OfData(path, progress, cancellationToken));
            var identity =
                StageKey.Identity(spec.Kind, spec.With, inputs.ToDictionary(input => input.Key, input => input.Value.Digest), files);
            var key = StageKey.Of(identity);
            if (spec.Kind.Cached && store.Cached(key, spec.Kind, spec.With, progress, cancellationToken) is { } outputs)
            {
                return new AlreadyDone(key, outputs);
            }
            // Only now: a result that is known needs no inputs.
            if (spec.Inputs.Values.OfType<StageOutput>().FirstOrDefault(output => !store.Holds(Digest(output, state))) is { } lost)
            {
                _log.LogWarning("Stage {Stage} of run {Run} lacks {Input}: it is made again", spec.Id, state.Id, lost);
                return new InputLost(lost.Stage);
            }
            var order = new StageOrder(state.Id, TimeProvider.System.GetUtcNow(), spec.Id, request.Key.Attempt)
            {
                Pipeline = request.Pipeline.Name,
                Kind = spec.Kind.Name,
                Key = key,
                With = JsonSerializer.SerializeToElement(spec.With, spec.Kind.Params, StageKey.ParamsJson),
                Inputs = inputs,
                DataFiles = files,
                Needs = spec.Needs,
                TimeoutSeconds = spec.Timeout?.TotalSeconds,
            };
            return new MustRun(order, Explain(request, identity));
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            var words = Failure.Of(error).Words;
            _log.LogError(error, "Stage {Stage} of run {Run} can't be planned: {Words}", spec.Id, state.Id, words);
            return new CannotRun(words);
        }
    }

    private static string Digest(StageOutput output, RunState state) => state.Stage(output.Stage)!.Outputs[output.Output];

    private InputArtifact Input(InputRef source, RunState state, IProgress<HashProgress>? progress, CancellationToken stop) => source switch
    {
        StageOutput output => new(Digest(output, state)),
        NamedModel model => new(digests.OfModel(model.Name, progress, stop), model.Name),
        _ => throw new ArgumentOutOfRangeException(nameof(source)),
    };

    private string Explain(PlanRequest request, JsonObject identity) =>
        !request.Stage.Kind.Cached ? "it always runs"
        : LastIdentity.Read(store, request.Pipeline.Name, request.Stage.Id) is { } last ? Difference.Between(last, identity)
        : "first run";
}
