using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Store;
using Microsoft.Extensions.Logging.Abstractions;

namespace LoraAspire.Coordinator;

/// <summary>A ready stage → its key, from the digests of everything it depends on, and whether the store knows that key.</summary>
public sealed class Planner(ArtifactStore store, ContentDigests digests, ILogger<Planner>? log = null)
{
    private readonly ILogger _log = log ?? NullLogger<Planner>.Instance;

    /// <summary>The files and models of this installation.</summary>
    public Surroundings Around => digests.Around;

    public Preparation Prepare(Pipeline pipeline, StageSpec spec, RunState state) => Prepare(pipeline, spec, state, null, CancellationToken.None);

    /// <summary>Hashes what isn't remembered, which for a large model takes minutes. Whatever goes wrong is an <see cref="Unready"/> with its reason; nothing is thrown.</summary>
    /// <exception cref="OperationCanceledException">Only when <paramref name="cancellationToken"/> asks for it.</exception>
    public Preparation Prepare(Pipeline pipeline, StageSpec spec, RunState state, IProgress<HashProgress>? progress, CancellationToken cancellationToken)
    {
        try
        {
            var inputs = spec.Inputs.ToDictionary(input => input.Key, input => Input(input.Value, state, progress, cancellationToken));
            var files = spec.With.DataFiles().Distinct().ToDictionary(path => path, path => digests.OfData(path, progress, cancellationToken));
            var identity = StageKey.Identity(spec.Kind, spec.With, inputs.ToDictionary(input => input.Key, input => input.Value.Digest), files);
            var key = StageKey.Of(identity);
            if (spec.Kind.Cached && store.Cached(key, spec.Kind, spec.With, progress, cancellationToken) is { } outputs)
            {
                return new Done(key, outputs);
            }
            var with = JsonSerializer.SerializeToElement(spec.With, spec.Kind.Params, StageKey.ParamsJson);
            var order = new StageOrder(state.Id, DateTimeOffset.UtcNow, spec.Id, 1, pipeline.Name, spec.Kind.Name, key, with, inputs, files, spec.Timeout?.TotalSeconds);
            return new MustRun(order, Explain(pipeline, spec, identity));
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            var words = Failure.Of(error).Words;
            _log.LogError(error, "Stage {Stage} of run {Run} can't be planned: {Words}", spec.Id, state.Id, words);
            return new Unready(words);
        }
    }

    private InputArtifact Input(InputRef source, RunState state, IProgress<HashProgress>? progress, CancellationToken cancellationToken) => source switch
    {
        StageOutput output => new(state.Stage(output.Stage)!.Outputs[output.Output]),
        NamedModel model => new(digests.OfModel(model.Name, progress, cancellationToken), model.Name),
        _ => throw new ArgumentOutOfRangeException(nameof(source)),
    };

    private string Explain(Pipeline pipeline, StageSpec spec, JsonObject identity) =>
        !spec.Kind.Cached ? "it always runs" : LastIdentity.Swap(store, pipeline.Name, spec.Id, identity, _log) is { } last ? Difference.Between(last, identity) : "first run";
}
