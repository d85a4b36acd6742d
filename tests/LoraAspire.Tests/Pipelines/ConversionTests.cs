using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Pipelines.Yaml.Foreign;

namespace LoraAspire.Tests.Pipelines;

public sealed class ConversionTests
{
    private const string Axolotl = """
        base_model: NousResearch/Llama-3.2-1B
        model_type: LlamaForCausalLM
        load_in_8bit: false
        datasets:
          - path: data/records.json
            type: alpaca
          - path: data/chat.jsonl
            type: chat_template
          - path: data/raw.txt
            type: completion
        adapter: lora
        sequence_len: 2048
        lora_r: 16
        lora_alpha: 32
        lora_target_linear: true
        gradient_accumulation_steps: 4
        micro_batch_size: 2
        num_epochs: 3.0
        lr_scheduler: cosine
        learning_rate: 0.0002
        flash_attention: true
        loss_watchdog_threshold: 5.0
        """;

    private const string LlamaFactory = """
        model_name_or_path: meta-llama/Meta-Llama-3-8B
        stage: sft
        do_train: true
        finetuning_type: lora
        lora_rank: 16
        dataset: mine, talks
        template: alpaca
        max_samples: 500
        num_train_epochs: 3.0
        """;

    [Fact]
    public void A_configuration_of_axolotl_becomes_the_pipeline_that_it_means()
    {
        var (data, tune) = Stages(Axolotl, out var remarks);
        Assert.Equal((2048, false), (data.CutoffLen, data.TrainOnInputs));
        Assert.Equal(["data/records.json", "data/chat.jsonl"], data.DataFiles());
        Assert.Equal((16, 32.0, 0.0, 8, 2, 3),
            (tune.LoraR, tune.LoraAlpha, tune.LoraDropout, tune.BatchSize, tune.MicroBatchSize, tune.NumEpochs));
        Assert.Equal(["all-linear"], tune.LoraTargetModules);
        Assert.Equal((LrScheduler.Cosine, 2e-4), (tune.LrSchedulerType, tune.LearningRate));
        Assert.Contains(remarks, remark => remark.Line == 2 && remark.Message.StartsWith("model_type has no counterpart"));
        Assert.Contains(remarks, remark => remark.Line == 9 && remark.Message.Contains("data/raw.txt"));
        Assert.Contains(remarks, remark => remark.Line == 21 && remark.Message.StartsWith("flash_attention has no counterpart"));
        Assert.Contains(remarks, remark => remark.Line == 22 && remark.Message.StartsWith("loss_watchdog_threshold has no counterpart"));
        Assert.DoesNotContain(remarks, remark => remark.Message.StartsWith("to be mended"));
    }

    [Fact]
    public void A_configuration_of_LLaMA_Factory_brings_its_own_defaults()
    {
        var (data, tune) = Stages(LlamaFactory, out _, DatasetInfo.Parse("""
            { "mine": { "file_name": "own.json", "columns": { "prompt": "question", "response": "answer" } },
              "talks": { "file_name": "talks.jsonl", "formatting": "sharegpt" } }
            """));
        Assert.Equal((2048, false, "alpaca"), (data.CutoffLen, data.TrainOnInputs, data.PromptTemplateName));
        Assert.Equal(["data/own.json", "data/talks.jsonl"], data.DataFiles());
        Assert.Equal([500, 500], data.Sources.Select(source => source.Only!.Sample));
        // Defaults of its documentation: alpha is twice the rank, all linear layers, batches of 8, 5e-5, no warm-up, nothing held out.
        Assert.Equal((16, 32.0, 0.0, 8, 8, 5e-5, 0),
            (tune.LoraR, tune.LoraAlpha, tune.LoraDropout, tune.BatchSize, tune.MicroBatchSize, tune.LearningRate, tune.WarmupSteps));
        Assert.Equal(["all-linear"], tune.LoraTargetModules);
        Assert.Equal(0, tune.ValSetSize);
    }

    [Theory]
    [InlineData(Axolotl, "axolotl")]
    [InlineData(LlamaFactory, "LLaMA-Factory")]
    [InlineData("base_model: a\ndata_path: b.json\n", "alpaca-lora")]
    public void A_configuration_that_is_given_as_a_pipeline_is_recognised(string yaml, string trainer)
    {
        var error = Assert.Single(PipelineParser.Parse(yaml, "own.yaml").Errors);
        Assert.Equal($"own.yaml:1:1: this is a configuration of {trainer}, not a pipeline: `lora convert own.yaml` prints the pipeline "
            + "that it means",
            error.ToString());
    }

    [Theory]
    [InlineData("name: a\nstages: []\n")]
    [InlineData("hello: world\n")]
    [InlineData("base_model: [\n")]
    public void What_is_of_no_known_trainer_is_refused(string yaml)
    {
        var conversion = Conversion.Of(yaml, "a.yaml", "a");
        Assert.Null(conversion.Yaml);
        Assert.NotEmpty(conversion.Errors);
    }

    [Theory]
    [InlineData("3.0", 3)]
    [InlineData("1e2", 100)]
    public void A_whole_number_may_be_written_as_a_float(string written, int value) =>
        Assert.Equal(value,
            ((TrainerParams)PipelineParser.ParseParams($"num_epochs: {written}", "with.yaml", StageKinds.Trainer)).NumEpochs);

    [Theory]
    [InlineData("3.5")]
    [InlineData("1e99")]
    [InlineData("'3'")]
    public void What_is_no_whole_number_is_refused(string written) =>
        Assert.Contains("is a whole number", Assert.Throws<PipelineException>(() =>
            PipelineParser.ParseParams($"num_epochs: {written}", "with.yaml", StageKinds.Trainer)).Message);

    [Fact]
    public void An_unknown_key_is_answered_with_the_nearest_one_and_not_with_all_of_them()
    {
        var message =
            Assert.Throws<PipelineException>(() => PipelineParser.ParseParams("my_own_switch: 1", "with.yaml", StageKinds.Trainer)).Message;
        Assert.Contains("unknown key 'my_own_switch': the nearest that is known is '", message);
        Assert.True(message.Length < 150, message);
    }

    private static (DataBuildParams Data, TrainerParams Tune) Stages(string yaml, out IReadOnlyList<Diagnostic> remarks,
        DatasetInfo? datasets = null)
    {
        var conversion = Conversion.Of(yaml, "theirs.yaml", "theirs", datasets);
        remarks = conversion.Remarks;
        var parsed = PipelineParser.Parse(conversion.Yaml!, "ours.yaml");
        Assert.Empty(parsed.Errors);
        var stages = parsed.Pipeline!.Stages.ToDictionary(stage => stage.Id, stage => stage.With);
        return ((DataBuildParams)stages["data"], (TrainerParams)stages["tune"]);
    }
}
