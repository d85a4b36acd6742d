using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Coordinator;

/// <summary>A ready stage → its key, from the digests of everything it depends on, and whether the store knows that key.</summary>
public sealed class Planner(ArtifactStore store, ContentDigests digests)
{
    /// <summary>The files and models of this installation.</summary>
    public Surroundings Around => digests.Around;

    public Preparation Prepare(Pipeline pipeline, StageSpec spec, RunState state)
    {
        try
        {
            var inputs = spec.Inputs.ToDictionary(input => input.Key, input => Input(input.Value, state));
            var files = spec.With.DataFiles().Distinct().ToDictionary(path => path, digests.OfData);
            var identity = StageKey.Identity(spec.Kind, spec.With, inputs.ToDictionary(input => input.Key, input => input.Value.Digest), files);
            var key = StageKey.Of(identity);
            if (spec.Kind.Cached && store.Cached(key) is { } outputs)
            {
                return new Done(key, outputs);
            }
            var with = JsonSerializer.SerializeToElement(spec.With, spec.Kind.Params, StageKey.ParamsJson);
            var order = new StageOrder(state.Id, DateTimeOffset.UtcNow, spec.Id, 1, pipeline.Name, spec.Kind.Name, key, with, inputs, files, spec.Timeout?.TotalSeconds);
            return new MustRun(order, Explain(pipeline, spec, identity));
        }
        catch (Exception error) when (error is StageException or StoreException or IOException or UnauthorizedAccessException)
        {
            return new Unready(Failure.Of(error).Words);
        }
    }

    private InputArtifact Input(InputRef source, RunState state) => source switch
    {
        StageOutput output => new(state.Stage(output.Stage)!.Outputs[output.Output]),
        NamedModel model => new(digests.OfModel(model.Name), model.Name),
        _ => throw new ArgumentOutOfRangeException(nameof(source)),
    };

    private string Explain(Pipeline pipeline, StageSpec spec, JsonObject identity) =>
        !spec.Kind.Cached ? "it always runs" : LastIdentity.Swap(store, pipeline.Name, spec.Id, identity) is { } last ? Difference.Between(last, identity) : "first run";
}
