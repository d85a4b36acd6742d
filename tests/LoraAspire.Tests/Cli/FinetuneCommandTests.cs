using LoraAspire.Cli;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Terminal;

namespace LoraAspire.Tests.Cli;

/// <summary>alpaca-lora's commands where no app runs.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class FinetuneCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-finetune-").FullName;
    private readonly CapturedTerminal _terminal = new();

    public FinetuneCommandTests()
    {
        foreach (var name in (string[])["LORA_STORE", "ConnectionStrings__redis"])
        {
            _terminal.Set(name, null);
        }
        _terminal.Set("LORA_STATE", _folder);
        _terminal.Set("LORA_DATA", _folder);
        _terminal.Set("LORA_MODELS", Path.Combine(GoldenFolder.RepoRoot, "models"));
        File.WriteAllText(Path.Combine(_folder, "rows.json"), """[{ "instruction": "a", "input": "", "output": "b" }]""");
    }

    public void Dispose()
    {
        _terminal.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Target => Path.Combine(_folder, "made.yaml");

    private Task<int> Finetune(params string[] more) => LoraCommand.RunAsync(
        ["finetune", "--base_model", "somebody/pebble", "--data_path", "rows.json", "--yaml", Target, .. more]);

    [Fact]
    public async Task The_flags_of_the_lab_become_the_pipeline_that_they_mean()
    {
        Assert.Equal(0, await Finetune("--dry-run", "--output_dir", "./x", "--batch_size", "64", "--micro_batch_size=8",
            "--num_epochs", "2", "--learning_rate", "1e-4", "--cutoff_len", "512", "--val_set_size", "0", "--lora_r", "16",
            "--lora_alpha", "32",
            "--lora_dropout", "0.1", "--lora_target_modules", "[q_proj,k_proj]", "--notrain_on_inputs", "--group_by_length",
            "--wandb_project", "p", "--lr_scheduler_type", "cosine"));

        var pipeline = PipelineParser.Parse(_terminal.Out, Target).Pipeline!;
        Assert.Equal("made", pipeline.Name);
        var data = (DataBuildParams)pipeline.Stage("data").With;
        var trainer = (TrainerParams)pipeline.Stage("tune").With;
        Assert.Equal((512, false, "alpaca"), (data.CutoffLen, data.TrainOnInputs, data.PromptTemplateName));
        Assert.Equal("rows.json", Assert.Single(data.DataFiles()));
        Assert.Equal((64, 8, 2, 1e-4, 0.0), (trainer.BatchSize, trainer.MicroBatchSize, trainer.NumEpochs, trainer.LearningRate,
            trainer.ValSetSize));
        Assert.Equal((16, 32.0, 0.1, true, LrScheduler.Cosine), (trainer.LoraR, trainer.LoraAlpha, trainer.LoraDropout,
            trainer.GroupByLength, trainer.LrSchedulerType));
        Assert.Equal(["q_proj", "k_proj"], trainer.LoraTargetModules);
        Assert.Equal(new NamedModel("pebble"), pipeline.Stage("merge").Inputs["base"]);
        Assert.Contains("--wandb_project is not needed: the lab shows", _terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_flags_again_are_no_trouble_and_others_need_force()
    {
        const int noApp = 4;
        Assert.Equal(noApp, await Finetune());
        Assert.Equal(noApp, await Finetune());
        Assert.Equal(6, await Finetune("--lora_r", "4"));
        Assert.Contains("holds another pipeline", _terminal.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("lora_r", await Kept(), StringComparison.Ordinal);
        Assert.Equal(noApp, await Finetune("--lora_r", "4", "--force"));
        Assert.Contains("lora_r: 4", await Kept(), StringComparison.Ordinal);

        Task<string> Kept() => File.ReadAllTextAsync(Target, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_dry_run_prints_the_pipeline_and_writes_nothing_neither_there_nor_among_the_pipelines()
    {
        var pipelines = Path.Combine(GoldenFolder.RepoRoot, "pipelines");
        string[] before = [.. Directory.EnumerateFiles(pipelines, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

        Assert.Equal(0, await Finetune("--dry-run"));
        Assert.Equal(0, await LoraCommand.RunAsync(
            ["finetune", "--base_model", "pebble", "--data_path", "rows.json", "--output_dir", "./dry", "--dry-run"]));

        Assert.Equal(["name: made", "name: dry"],
            _terminal.Out.Split('\n').Where(line => line.StartsWith("name: ", StringComparison.Ordinal)));
        Assert.Contains($"nothing is written or run: without --dry-run this is {Target}", _terminal.Error, StringComparison.Ordinal);
        Assert.Equal(["rows.json"], Directory.EnumerateFileSystemEntries(_folder).Select(Path.GetFileName));
        Assert.Equal(before, Directory.EnumerateFiles(pipelines, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_dry_run_refuses_what_the_run_would_refuse()
    {
        await File.WriteAllTextAsync(Target, "another", TestContext.Current.CancellationToken);

        Assert.Equal(6, await Finetune("--dry-run"));
        Assert.Contains("holds another pipeline", _terminal.Error, StringComparison.Ordinal);
        Assert.Equal(0, await Finetune("--dry-run", "--force"));
        Assert.Equal("another", await File.ReadAllTextAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_setting_out_of_range_is_refused_in_words_and_nothing_is_written()
    {
        Assert.Equal(2, await Finetune("--lora_r", "0"));

        Assert.Contains("'lora_r' must be at least 1", _terminal.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Target));
    }

    [Theory]
    [InlineData(2, "unknown flag --lora_rank8: ", "--lora_rank8", "8")]
    [InlineData(3, "No file none.json", "--data_path", "none.json")]
    [InlineData(3, "Nothing is fetched from the Hub", "--data_path", "yahma/alpaca-cleaned")]
    [InlineData(3, "Nothing is fetched from the Hub", "--base_model", "decapoda-research/llama-7b-hf")]
    [InlineData(2, "--base_model is missing", "--base_model", "None")]
    public async Task What_is_wrong_or_missing_has_words_and_a_code(int code, string words, params string[] more)
    {
        Assert.Equal(code, await Finetune(more));
        Assert.Contains(words, _terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_outside_the_data_root_is_refused_with_what_to_do()
    {
        var outside = Path.Combine(Path.GetDirectoryName(_folder)!, Path.GetFileName(_folder) + ".json");
        await File.WriteAllTextAsync(outside, "[]", TestContext.Current.CancellationToken);
        try
        {
            Assert.Equal(1, await Finetune("--data_path", outside));
        }
        finally
        {
            File.Delete(outside);
        }
        Assert.Contains("lies outside the data root", _terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_app_the_pipeline_is_written_and_the_code_says_so()
    {
        Assert.Equal(4, await Finetune());

        Assert.Contains($"wrote {Target}", _terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_puts_an_adapter_on_its_base_behind_the_chat_service()
    {
        var adapter = Directory.CreateDirectory(Path.Combine(_folder, "mine")).FullName;

        Assert.Equal(3, await LoraCommand.RunAsync(["generate", "--base_model", "pebble", "--lora_weights", adapter]));
        Assert.Contains("it is no adapter's folder", _terminal.Error, StringComparison.Ordinal);

        await File.WriteAllTextAsync(Path.Combine(adapter, "adapter_config.json"), "{}", TestContext.Current.CancellationToken);
        Assert.Equal(0, await LoraCommand.RunAsync(["generate", "--base_model", "pebble", "--lora_weights", adapter, "--load_8bit"]));
        var served = Assert.Single(new Runtime.Store.Deployments(Path.Combine(_folder, "store")).List());
        Assert.Equal(("mine", "q8_0"), (served.Name, served.Weights));
        Assert.Equal(adapter, Path.GetFullPath(Path.Combine(_folder, "store", served.Adapter!)));

        Assert.Equal(0, await LoraCommand.RunAsync(["models"]));
        Assert.Contains("mine", _terminal.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("merge", "--base_model", "pebble")]
    [InlineData("generate")]
    public async Task What_a_command_needs_is_asked_for(params string[] words)
    {
        Assert.Equal(2, await LoraCommand.RunAsync(words));
        Assert.Contains(" is missing", _terminal.Error, StringComparison.Ordinal);
    }
}
