using System.Text.Json.Nodes;
using LoraAspire.Lab.Languages;
using LoraAspire.Lab.Live;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Fit;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Planning;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Lab.SubmitPages;

/// <summary>What is to be expected of a stage before anything runs.</summary>
/// <param name="Why">Why it runs, or can't.</param>
public sealed record ExpectedStage(string Stage, Expectation Expectation, string Why)
{
    /// <summary>What it took the last time; null where it never ran, or won't.</summary>
    public TimeSpan? Took { get; init; }

    /// <summary>In words; null where it can't be told from shapes.</summary>
    public string? Memory { get; init; }
}

public enum Expectation { Cached, Runs, CannotRun }

/// <summary>
/// What a pipeline would do, found out as the coordinator does it: the same planner, on the same store. Nothing is submitted, and nothing
/// in the store changes: a look at a page must not set aside what a worker is about to use.
/// </summary>
public static class RunOutlook
{
    /// <param name="earlier">Runs, the newest first: how long a stage takes is what it took.</param>
    public static IReadOnlyList<ExpectedStage> Of(Pipeline pipeline, ArtifactStore store, ContentDigests content,
        IReadOnlyList<RunState> earlier, IProgress<HashProgress> progress, CancellationToken cancellationToken)
    {
        Planner planner = new(store.ToLookAt(), content);
        RunState state = new("outlook", 1)
        {
            Name = pipeline.Name,
            Stages = [.. pipeline.Stages.Select(stage => new StageState(stage.Id, stage.Kind.Name,
                stage.Inputs.ToDictionary(input => input.Key, input => input.Value.ToString()!)))],
        };
        Dictionary<string, ExpectedStage> found = [];
        while (pipeline.Stages.FirstOrDefault(stage => !found.ContainsKey(stage.Id) && Needs(stage).All(found.ContainsKey)) is { } stage)
        {
            var open = Needs(stage).Where(need => found[need].Expectation != Expectation.Cached).ToList();
            var plan = open.Count > 0 ? null : planner.Plan(new(pipeline, stage, state), progress, cancellationToken);
            if (plan is AlreadyDone done)
            {
                state = state with
                {
                    Stages = state.Stages.ConvertAll(one => one.Id == stage.Id ? one with { Outputs = done.Outputs } : one),
                };
            }
            ExpectedStage expected = plan switch
            {
                AlreadyDone => new(stage.Id, Expectation.Cached, ""),
                CannotRun cannot => new(stage.Id, Expectation.CannotRun, cannot.Error),
                MustRun must => new(stage.Id, Expectation.Runs, must.Explain ?? ""),
                InputLost lost => new(stage.Id, Expectation.Runs, Words.Of("what {0} gave is lost, and is made again", lost.Stage)),
                _ => new(stage.Id, Expectation.Runs, stage.Kind.Cached
                    ? Words.Of("after {0}, unless that gives the same as before", string.Join(", ", open)) : Words.Of("it always runs")),
            };
            found[stage.Id] = expected.Expectation != Expectation.Runs ? expected
                : expected with { Took = Took(pipeline, stage, earlier), Memory = Memory(pipeline, stage, content) };
        }
        return [.. pipeline.Stages.Select(stage => found[stage.Id])];
    }

    private static IEnumerable<string> Needs(StageSpec stage) => stage.Inputs.Values.OfType<StageOutput>().Select(output => output.Stage);

    private static TimeSpan? Took(Pipeline pipeline, StageSpec stage, IReadOnlyList<RunState> earlier) =>
        earlier.Where(run => run.Name == pipeline.Name).Select(run => run.Stage(stage.Id))
            .OfType<StageState>().Where(one => one is { Status: StageStatus.Succeeded, Cached: false } && one.Kind == stage.Kind.Name)
            .Select(one => one.FinishedAt - one.StartedAt).FirstOrDefault(took => took is not null);

    /// <summary>Of a LoRA training, as `lora fit` has it.</summary>
    private static string? Memory(Pipeline pipeline, StageSpec stage, ContentDigests content)
    {
        if (!stage.Kind.Trains || stage.Inputs.Values.OfType<NamedModel>().FirstOrDefault() is not { } model
            || StageKey.Parameters(stage.With) is not JsonObject with || !with.ContainsKey("lora_r")
            || (string?)with["finetuning_type"] != "lora" || !Enum.TryParse<BaseFormat>((string?)with["base_type"], true, out var format))
        {
            return null;
        }
        try
        {
            var config = ModelConfig.Load(content.ModelFolder(model.Name));
            LoraConfig adapter = new((int)with["lora_r"]!, (double)with["lora_alpha"]!, 0,
                [.. with["lora_target_modules"]!.AsArray().Select(target => (string)target!)])
            {
                UseDora = (bool)with["use_dora"]!,
                ModulesToSave = [.. with["modules_to_save"]!.AsArray().Select(module => (string)module!)],
            };
            var tokens = (int?)with["micro_batch_tokens"]
                ?? (int)Math.Min((long)(int)with["micro_batch_size"]! * Longest(pipeline, stage), int.MaxValue);
            int? bytes = (string?)with["compute_type"] switch { "float32" => 4, "float16" or "bfloat16" => 2, _ => null };
            string Of(bool onGpu) => Spell.Size(Footprint.Of(new FitWork(config, adapter, (bool)with["double_quant"]!, onGpu, bytes),
                config.Quantised ?? format, (bool)with["low_memory"]!, tokens).Total);
            return Words.Of("about {0} on a GPU, {1} on the CPU", Of(true), Of(false));
        }
        catch (Exception error) when (error is ModelException or StageException or IOException or UnauthorizedAccessException)
        {
            return null; // what is wrong with the base, the plan says
        }
    }

    /// <summary>Tokens of the longest row that its data may have.</summary>
    private static int Longest(Pipeline pipeline, StageSpec stage) => Needs(stage)
        .Select(need => StageKey.Parameters(pipeline.Stage(need).With))
        .Select(with => (int?)with["cutoff_len"]).FirstOrDefault(length => length is not null) ?? 256;

    /// <summary>All of it in one line.</summary>
    public static string Summary(IReadOnlyList<ExpectedStage> stages)
    {
        var runs = stages.Where(stage => stage.Expectation == Expectation.Runs).ToList();
        var known = runs.Where(stage => stage.Took is not null).ToList();
        var time = TimeSpan.FromTicks(known.Sum(stage => stage.Took!.Value.Ticks));
        return Words.Of("{0} of {1} from the cache", stages.Count(stage => stage.Expectation == Expectation.Cached), stages.Count)
            + (runs.Count == 0 ? "" : known.Count == 0 ? Words.Of("; no run of this pipeline tells how long the rest takes")
                : Words.Of("; about {0}", Pipelines.Terminal.Duration.Text(time))
                    + (known.Count == runs.Count ? ""
                        : Words.Of(" and what {0} takes", string.Join(", ", runs.Except(known).Select(stage => stage.Stage)))));
    }
}
