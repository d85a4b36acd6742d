using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Tests.Pipelines;

public sealed class PipelineParserTests
{
    private const string Data = "stages:\n  - id: data\n    uses: data-build\n    inputs: { base: model:tiny }\n    with: { sources: [ { "
        + "alpaca: { path: a.json } } ] }\n";
    private const string Tune = "  - id: tune\n    uses: trainer\n    inputs: { dataset: data.dataset, base: model:tiny }\n";

    [Fact]
    public void A_pipeline_is_read_into_typed_records()
    {
        var result = PipelineParser.Parse($"name: 雁栖\n{Data}{Tune}    with: {{ learning_rate: 1e-4, lora_target_modules: [q_proj], "
            + $"lr_scheduler_type: cosine }}\n    retries: 2\n    timeout: 1.5h\n", "p.yaml");

        Assert.Empty(result.Errors);
        var tune = result.Pipeline!.Stage("tune");
        var with = Assert.IsType<TrainerParams>(tune.With);
        Assert.Equal((1e-4, LrScheduler.Cosine, 128), (with.LearningRate, with.LrSchedulerType, with.BatchSize));
        Assert.Equal(["q_proj"], with.LoraTargetModules);
        Assert.Equal((2, TimeSpan.FromMinutes(90)), (tune.Retries, tune.Timeout));
        Assert.Equal(new StageOutput("data", "dataset"), tune.Inputs["dataset"]);
        Assert.Equal(new NamedModel("tiny"), tune.Inputs["base"]);
    }

    [Fact]
    public void What_a_stage_needs_of_its_worker_is_no_part_of_its_identity()
    {
        var (bare, needs) = (Parsed(""), Parsed("    needs: { gpu_memory: 23.5GiB }\n"));

        Assert.Equal((null, new StageNeeds(24)), (bare.Needs, needs.Needs));
        Assert.Equal(Identity(bare), Identity(needs));
        Assert.Null(Parsed("    needs: {}\n").Needs);

        static StageSpec Parsed(string more) => PipelineParser.Parse($"name: x\n{Data}{Tune}{more}", "p.yaml").Required().Stage("tune");
        static string Identity(StageSpec stage) => LoraAspire.Pipelines.StageKey.Of(LoraAspire.Pipelines.StageKey.Identity(
            stage.Kind, stage.With, new Dictionary<string, string>(), new Dictionary<string, string>()));
    }

    [Theory]
    [InlineData("naem: x", "1:1", "unknown key 'naem': did you mean 'name'?")]
    [InlineData("name: x", "1:1", "'stages' is missing")]
    [InlineData("name: x\nstages: []", "2:9", "at least one stage")]
    [InlineData("name: a/b\nstages: [{ id: a, uses: merger }]", "1:7", "letters, digits")]
    [InlineData("- a\n- b", "1:1", "expected keys with values")]
    [InlineData("name: x\nname: y", "2:1", "uplicate key")]
    [InlineData("name: x\nstages: [ { id: a\n", "3:1", "did not find expected")]
    [InlineData("name: &a x\nstages: *a", "2:9", "aliases (*a)")]
    [InlineData("a: 1\n---\nb: 2", "3:1", "one document a file")]
    public void A_fault_of_the_file_is_told_with_its_place(string yaml, string place, string message) => AssertError(yaml, place, message);

    [Theory]
    [InlineData("with: { lerning_rate: 1 }", "10:13", "unknown key 'lerning_rate': did you mean 'learning_rate'?")]
    [InlineData("with: { num_epochs: two }", "10:25", "'num_epochs' is a whole number, not 'two'")]
    [InlineData("with: { num_epochs: 1.5 }", "10:25", "'num_epochs' is a whole number, not '1.5'")]
    [InlineData("with: { num_epochs: \"3\" }", "10:25", "'num_epochs' is a whole number")]
    [InlineData("with: { learning_rate: fast }", "10:28", "'learning_rate' is a number")]
    [InlineData("with: { group_by_length: yes }", "10:30", "'group_by_length' is true or false, not 'yes'")]
    [InlineData("with: { compat: alpaca_lorra }", "10:21", "did you mean 'alpaca-lora'?")]
    [InlineData("with: { lora_target_modules: { q: 1 } }", "10:34", "a list, not keys with values")]
    [InlineData("with: { num_epochs: }", "10:25", "'num_epochs' needs a value")]
    [InlineData("with: { batch_size: 10, micro_batch_size: 4 }", "10:47", "must divide batch_size (10)")]
    [InlineData("with: [1]", "10:11", "'with' is keys with values")]
    [InlineData("wiht: { num_epochs: 2 }", "10:5", "unknown key 'wiht': did you mean 'with'?")]
    [InlineData("retries: -1", "10:14", "'retries' is a whole number from 0 to 100")]
    [InlineData("timeout: 6", "10:14", "a number with its unit")]
    [InlineData("needs: 40GiB", "10:12", "'needs' is keys with values, such as { gpu_memory: 40GiB }")]
    [InlineData("needs: { gpu: 40GiB }", "10:14", "unknown key 'gpu'")]
    [InlineData("needs: { gpu_memory: 40 }", "10:26", "a size with its unit, from 1GiB to 1024GiB, such as 40GiB")]
    [InlineData("needs: { gpu_memory: [40GiB] }", "10:26", "a size with its unit")]
    [InlineData("needs: { gpu_memory: 0GiB }", "10:26", "a size with its unit, from 1GiB")]
    [InlineData("needs: { gpu_memory: 2000GiB }", "10:26", "to 1024GiB")]
    [InlineData("with: { quantization_bit: 3 }", "10:13", "is 8 or 4, not 3")]
    [InlineData("with: { load_in_8bit: perhaps }", "10:13", "is true or false")]
    [InlineData("with: { load_in_4bit: true, bnb_4bit_quant_type: fp4 }", "10:33", "fp4 isn't done here")]
    [InlineData("with: { load_in_8bit: true, load_in_4bit: true }", "10:33", "means 'base_type: nf4', but int8 is asked for too")]
    [InlineData("with: { load_in_8bit: true, base_type: bf16 }", "10:13", "means 'base_type: int8', but bf16 is asked for too")]
    [InlineData("with: { quantization_method: hqq }", "10:13", "'hqq' isn't done here")]
    [InlineData("with: { base_type: nf4, use_dora: true }", "10:24", "and use_dora measures them as numbers: leave one of them out")]
    [InlineData("with: { base_type: int8, finetuning_type: full }", "10:24", "is for a base that stays as it is")]
    [InlineData("with: { resume_from_checkpoint: out/checkpoint-200 }", "10:13", "its own last checkpoint")]
    [InlineData("with: { bias: all }", "10:13", "only adapters without biases")]
    [InlineData("with: { cutoff_len: 512 }", "10:13", "'cutoff_len' belongs to a data-build stage")]
    [InlineData("with: { template: bayling }", "10:13",
        "'template' belongs to a data-build stage, where it is called prompt_template_name")]
    [InlineData("with: { data_path: a.json }", "10:13", "'data_path' belongs to a data-build stage, where it is called sources")]
    [InlineData("with: { adapter_name_or_path: a.adapter }", "10:13", "belongs to a merger stage")]
    [InlineData("with: { base_model: tiny }", "10:13", "'base_model' means the input 'base', which is also given")]
    [InlineData("with: { rank_pattern: { q_proj: high } }", "10:37", "'rank_pattern.q_proj' is a whole number, not 'high'")]
    [InlineData("with: { rank_pattern: 4 }", "10:27", "'rank_pattern' is keys with values")]
    [InlineData("with: { rank_pattern: { q_proj: 0 } }", "10:37", "'rank_pattern.q_proj' must be at least 1")]
    [InlineData("with: { modules_to_save: [norm] }", "10:30", "'norm' can't be trained whole")]
    [InlineData("with: { finetuning_type: full, use_dora: true }", "10:46", "belongs to LoRA")]
    [InlineData("with: { early_stopping_patience: 3, val_set_size: 0 }", "10:38", "needs a validation loss")]
    [InlineData("with: { loraplus_lr_ratio: 0 }", "10:32", "above 0")]
    [InlineData("with: { adapter: qlora, load_in_8bit: true }", "10:29", "but nf4 is asked for too")]
    [InlineData("with: { adapter: qlora, finetuning_type: full }", "10:13", "means 'finetuning_type: lora', but full is asked for too")]
    [InlineData("with: { finetuning_type: full, adapter: qlora }", "10:36", "means 'finetuning_type: lora', but full is asked for too")]
    [InlineData("with: { lora_r: 8, lora_rank: 4 }", "10:24", "'lora_rank' means 'lora_r', which is also given")]
    [InlineData("with: { batch_size: 128, gradient_accumulation_steps: 8 }", "10:30", "is not batch_size 128")]
    public void A_fault_of_a_stage_is_told_with_its_place(string line, string place, string message) =>
        AssertError($"name: x\n{Data}{Tune}    {line}\n", place, message);

    [Theory]
    [InlineData("{ base: model:tiny }", "7:9", "input 'dataset' is missing: trainer needs a dataset")]
    [InlineData("{ dataset: data.dataset, base: model:tiny, datset: data.dataset }", "9:64",
        "trainer has no input 'datset': did you mean 'dataset'?")]
    [InlineData("{ dataset: date.dataset, base: model:tiny }", "9:24", "no stage 'date': did you mean 'data'?")]
    [InlineData("{ dataset: data.datset, base: model:tiny }", "9:24", "gives no 'datset': did you mean 'dataset'?")]
    [InlineData("{ dataset: data.dataset, base: data.dataset }", "9:44", "input 'base' takes a model, but data.dataset is a dataset")]
    [InlineData("{ dataset: model:tiny, base: model:tiny }", "9:24", "input 'dataset' takes a dataset, not a model")]
    [InlineData("{ dataset: data.dataset, base: 'model:../secret' }", "9:44", "is no source")]
    [InlineData("{ dataset: data.dataset, base: 'model:..' }", "9:44", "is no source")]
    [InlineData("{ dataset: data.dataset, base: 'model:/etc' }", "9:44", "is no source")]
    [InlineData("{ dataset: data.dataset, base: tune.model }", "7:9", "stages wait for each other: tune → tune")]
    public void A_fault_of_an_edge_is_told_with_its_place(string inputs, string place, string message) =>
        AssertError($"name: x\n{Data}  - id: tune\n    uses: trainer\n    inputs: {inputs}\n", place, message);

    [Fact]
    public void An_unknown_stage_kind_is_told_with_the_nearest() =>
        AssertError("name: x\nstages:\n  - id: a\n    uses: trianer\n", "4:11", "unknown stage kind 'trianer': did you mean 'trainer'?");

    [Fact]
    public void Two_stages_of_one_id_are_refused_where_the_second_stands() =>
        AssertError($"name: x\n{Data}{Tune}{Tune}", "10:9", "stage id 'tune' is used before, in line 7");

    [Fact]
    public void A_missing_key_of_a_source_is_told() =>
        AssertError("name: x\n" + Data.Replace("path: a.json", "sample: 3"), "6:34", "'path' is missing");

    [Fact]
    public void A_cycle_is_told_with_its_path() => AssertError(
        "name: x\nstages:\n  - id: one\n    uses: merger\n    inputs: { base: two.model, adapter: a.adapter }\n  - id: two\n    uses: "
            + "merger\n    inputs: { base: one.model, adapter: a.adapter }\n"
        + "  - id: a\n    uses: trainer\n    inputs: { dataset: d.dataset, base: one.model }\n", "3:9", "one → two → one");

    [Fact]
    public void All_errors_come_at_once_in_the_order_of_the_file()
    {
        var errors =
            PipelineParser.Parse($"nmae: x\n{Data}{Tune}    with: {{ lora_dropout: 2x, lorar: 3 }}\n    timeout: soon\n", "p.yaml").Errors;

        Assert.Equal(["1:1", "1:1", "10:27", "10:31", "11:14"], errors.Select(error => $"{error.Line}:{error.Column}"));
        Assert.StartsWith("p.yaml:1:1: ", errors[0].ToString());
    }

    [Fact]
    public void Keys_of_other_trainers_are_understood_with_a_note()
    {
        var result = PipelineParser.Parse(
            $"name: x\n{Data.Replace("with: {", "with: { template: bayling, sequence_len: 512, train_on_prompt: false,")}{Tune}"
            + "    with: { lora_rank: 4, lora_target: all, num_train_epochs: 2, per_device_train_batch_size: 2, "
            + "gradient_accumulation_steps: 8, val_size: 0, adapter: lora, load_in_8bit: false }\n", "p.yaml");

        Assert.Empty(result.Errors);
        var data = (DataBuildParams)result.Pipeline!.Stage("data").With;
        var tune = (TrainerParams)result.Pipeline.Stage("tune").With;
        Assert.Equal(("bayling", 512, false), (data.PromptTemplateName, data.CutoffLen, data.TrainOnInputs));
        Assert.Equal((4, 2, 2, 16, 0), (tune.LoraR, tune.NumEpochs, tune.MicroBatchSize, tune.BatchSize, tune.ValSetSize));
        Assert.Equal(["all-linear"], tune.LoraTargetModules);
        Assert.Equal(11, result.Notes.Count);
        Assert.Contains(result.Notes, note => note.ToString() == "p.yaml:10:13: lora_rank understood as lora_r");
    }

    [Fact]
    public void A_trainer_of_all_weights_gives_a_model_and_no_adapter()
    {
        const string merge = "  - id: chat\n    uses: chat\n    inputs: { model: tune.model }\n";

        Assert.Empty(PipelineParser.Parse($"name: x\n{Data}{Tune}    with: {{ finetuning_type: full }}\n{merge}", "p.yaml").Errors);
        AssertError($"name: x\n{Data}{Tune}{merge}", "12:22", "with these settings it gives adapter");
    }

    [Fact]
    public void What_a_pipeline_names_and_is_not_there_is_told_where_it_is_named()
    {
        const string yaml = """
            name: x
            stages:
              - id: data
                uses: data-build
                inputs: { base: model:tiny }
                with:
                  prompt_template_name: own.json
                  sources:
                    - parallel: { path: p.tsv, src_lang: A, tgt_lang: B, templates: [t.txt, "Say [input]"] }
              - id: ask
                uses: evaluator
                inputs: { model: model:other }
                with: { questions: [Who are you?] }
            """;
        ReferenceCheck nothing = new(path => path == "p.tsv" ? null : $"no {path}", model => model == "tiny" ? null : $"no {model}");
        var result = PipelineParser.Parse(yaml, "p.yaml", nothing);
        Assert.Null(result.Pipeline);
        Assert.Equal(["p.yaml:7:29: no own.json", "p.yaml:9:74: no t.txt", "p.yaml:12:22: no other"],
            result.Errors.Select(error => error.ToString()));
        Assert.NotNull(PipelineParser.Parse(yaml, "p.yaml").Pipeline);
    }

    [Fact]
    public void A_prompt_template_that_does_not_come_with_the_application_ends_in_json() => AssertError(
        $"name: x\n{Data.Replace("with: {", "with: { prompt_template_name: vicunna,")}{Tune}", "6:35", "there are alpaca, bayling, plain");

    [Fact]
    public void The_prompt_templates_of_the_language_are_those_of_the_model() =>
        Assert.Equal(LoraAspire.Model.Prompts.PromptTemplate.BuiltIn, DataBuildParams.BuiltInTemplates);

    [Fact]
    public void A_file_that_is_nested_or_grown_beyond_reason_is_refused()
    {
        AssertError($"name: {new string('[', 100_000)}", "1:38", "levels deep");
        AssertError("name: " + new string('x', 2 << 20), "1:1", "at most 1 MiB");
    }

    private static void AssertError(string yaml, string place, string message)
    {
        var result = PipelineParser.Parse(yaml, "p.yaml");

        Assert.Null(result.Pipeline);
        Assert.Contains(result.Errors,
            error => $"{error.Line}:{error.Column}" == place && error.Message.Contains(message, StringComparison.Ordinal));
    }
}
