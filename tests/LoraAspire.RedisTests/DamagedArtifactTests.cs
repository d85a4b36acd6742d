using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.RedisTests;

/// <summary>data-build → trainer on real services; one bit of what lies in the store is flipped in between.</summary>
public sealed class DamagedArtifactTests(RedisServer server)
{
    private const string TwoStages = """
        name: test
        stages:
          - id: data
            uses: data-build
            inputs: { base: model:tiny }
            with: { sources: [ { self_cognition: { name: Pebble, developer: us } } ] }
          - id: tune
            uses: trainer
            inputs: { dataset: data.dataset, base: model:tiny }
        """;

    [Fact]
    public async Task A_data_set_damaged_before_it_is_read_is_made_again_in_the_same_run()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        var run = await installation.Runs.SubmitAsync(TwoStages);
        var made = await installation.FirstAsync<StageFinished>(run);
        Flip(installation, made.Outputs["dataset"]);

        List<string> read = [];
        await installation.StartWorkerAsync<TrainerParams>(StageKinds.Trainer, (context, stop) => TrainAsync(context, read, stop));
        var state = await installation.EndOfAsync(run);

        Assert.Equal(RunStatus.Succeeded, state.Status);
        Assert.Equal([2, 2], state.Stages.Select(stage => stage.Attempt));
        Assert.Equal(made.Outputs["dataset"], state.Stage("data")!.Outputs["dataset"]);
        Assert.Equal(["Pebble"], read);
        Assert.Single(Directory.GetDirectories(Path.Combine(installation.Store.Root, "quarantine"), made.Outputs["dataset"] + "-*"));
    }

    [Fact]
    public async Task A_data_set_damaged_while_it_is_read_gives_no_result_and_is_made_again()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        List<string> read = [];
        await installation.StartWorkerAsync<TrainerParams>(StageKinds.Trainer, async (context, stop) =>
        {
            if (context.Attempt == 1)
            {
                Flip(installation, context.InputDigests["dataset"]);
            }
            await TrainAsync(context, read, stop);
        });

        var state = await installation.EndOfAsync(await installation.Runs.SubmitAsync(TwoStages));

        Assert.Equal(RunStatus.Succeeded, state.Status);
        Assert.Equal(2, read.Count);
        Assert.Equal("Pebble",
            File.ReadAllText(Path.Combine(installation.Store.Verified(state.Stage("tune")!.Outputs["adapter"]), "adapter.txt")));
    }

    [Fact]
    public async Task An_adapter_damaged_after_its_run_is_no_cached_result_of_the_next()
    {
        await using var installation = new Installation(server);
        await installation.StartCoordinatorAsync();
        await installation.StartDataBuildAsync(Installation.WriteDataset);
        List<string> read = [];
        await installation.StartWorkerAsync<TrainerParams>(StageKinds.Trainer, (context, stop) => TrainAsync(context, read, stop));
        var first = await installation.EndOfAsync(await installation.Runs.SubmitAsync(TwoStages));
        Flip(installation, first.Stage("tune")!.Outputs["adapter"]);

        var second = await installation.EndOfAsync(await installation.Runs.SubmitAsync(TwoStages));

        Assert.Equal((RunStatus.Succeeded, true, false), (second.Status, second.Stage("data")!.Cached, second.Stage("tune")!.Cached));
        Assert.Equal(first.Stage("tune")!.Outputs["adapter"], second.Stage("tune")!.Outputs["adapter"]);
        installation.Store.Verified(second.Stage("tune")!.Outputs["adapter"]);
        Assert.Equal(2, read.Count);
    }

    private static async Task TrainAsync(StageContext<TrainerParams> context, List<string> read, CancellationToken stop)
    {
        read.Add(await File.ReadAllTextAsync(Path.Combine(context.Inputs["dataset"], "dataset.json"), stop));
        await File.WriteAllTextAsync(Path.Combine(context.OutputDir("adapter"), "adapter.txt"), read[^1], stop);
    }

    private static void Flip(Installation installation, string digest)
    {
        var file = Directory.GetFiles(installation.Store.Folder(digest)).Single(path => Path.GetFileName(path) != "manifest.json");
        var bytes = File.ReadAllBytes(file);
        bytes[0] ^= 1;
        File.Delete(file);
        File.WriteAllBytes(file, bytes);
    }
}
