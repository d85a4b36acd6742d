using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Tests.Pipelines;

/// <summary>Each key of another trainer: what it becomes, and the note that says so.</summary>
public sealed class AliasTests
{
    /// <summary>alpaca-lora's options under their own names, in the stage each belongs to.</summary>
    [Theory]
    [InlineData("data-build", "cutoff_len: 512", "cutoff_len", "512")]
    [InlineData("data-build", "train_on_inputs: false", "train_on_inputs", "false")]
    [InlineData("data-build", "add_eos_token: true", "add_eos_token", "true")]
    [InlineData("data-build", "prompt_template_name: bayling", "prompt_template_name", "\"bayling\"")]
    [InlineData("trainer", "batch_size: 64", "batch_size", "64")]
    [InlineData("trainer", "micro_batch_size: 8", "micro_batch_size", "8")]
    [InlineData("trainer", "num_epochs: 1", "num_epochs", "1")]
    [InlineData("trainer", "learning_rate: 1e-4", "learning_rate", "0.0001")]
    [InlineData("trainer", "val_set_size: 100", "val_set_size", "100")]
    [InlineData("trainer", "lora_r: 16", "lora_r", "16")]
    [InlineData("trainer", "lora_alpha: 32", "lora_alpha", "32")]
    [InlineData("trainer", "lora_dropout: 0.1", "lora_dropout", "0.1")]
    [InlineData("trainer", "lora_target_modules: [q_proj, k_proj]", "lora_target_modules", "[\"q_proj\",\"k_proj\"]")]
    [InlineData("trainer", "group_by_length: true", "group_by_length", "true")]
    [InlineData("trainer", "use_dora: true", "use_dora", "true")]
    [InlineData("trainer", "loraplus_lr_ratio: 16", "loraplus_lr_ratio", "16")]
    [InlineData("trainer", "neftune_noise_alpha: 5", "neftune_noise_alpha", "5")]
    [InlineData("trainer", "modules_to_save: [lm_head]", "modules_to_save", "[\"lm_head\"]")]
    [InlineData("trainer", "rank_pattern: { 'layers\\.0\\..*': 4 }", "rank_pattern", """{"layers\\.0\\..*":4}""")]
    [InlineData("trainer", "alpha_pattern: { q_proj: 0.5 }", "alpha_pattern", """{"q_proj":0.5}""")]
    [InlineData("trainer", "layers_to_transform: [0, 1]", "layers_to_transform", "[0,1]")]
    [InlineData("trainer", "early_stopping_patience: 3", "early_stopping_patience", "3")]
    [InlineData("trainer", "low_memory: true", "low_memory", "true")]
    [InlineData("trainer", "base_type: auto", "base_type", "\"auto\"")]
    [InlineData("trainer", "base_type: nf4", "base_type", "\"nf4\"")]
    [InlineData("trainer", "micro_batch_tokens: 4096", "micro_batch_tokens", "4096")]
    public void An_option_under_its_own_name_needs_no_note(string kind, string written, string key, string value)
    {
        var (parameters, notes) = Parse(kind, written);

        Assert.Equal(value, parameters[key]!.ToJsonString(StageKey.ParamsJson));
        Assert.Empty(notes);
    }

    [Theory]
    [InlineData("data-build", "template: bayling", "prompt_template_name", "\"bayling\"")]
    [InlineData("data-build", "prompt_template: bayling", "prompt_template_name", "\"bayling\"")]
    [InlineData("data-build", "train_on_prompt: false", "train_on_inputs", "false")]
    [InlineData("data-build", "sequence_len: 512", "cutoff_len", "512")]
    [InlineData("data-build", "cutoff_length: 512", "cutoff_len", "512")]
    [InlineData("trainer", "lora_rank: 16", "lora_r", "16")]
    [InlineData("trainer", "lora_target: [q_proj]", "lora_target_modules", "[\"q_proj\"]")]
    [InlineData("trainer", "lora_target: all", "lora_target_modules", "[\"all-linear\"]")]
    [InlineData("trainer", "lora_target: 'q_proj, v_proj'", "lora_target_modules", "[\"q_proj\",\"v_proj\"]")]
    [InlineData("trainer", "lora_target_linear: true", "lora_target_modules", "[\"all-linear\"]")]
    [InlineData("trainer", "lora_target_linear: false", "lora_target_modules", "[\"q_proj\",\"v_proj\"]")]
    [InlineData("trainer", "per_device_train_batch_size: 8", "micro_batch_size", "8")]
    [InlineData("trainer", "gradient_accumulation_steps: 8", "batch_size", "32")]
    [InlineData("trainer", "num_train_epochs: 1", "num_epochs", "1")]
    [InlineData("trainer", "val_size: 100", "val_set_size", "100")]
    [InlineData("trainer", "lr_scheduler: cosine", "lr_scheduler_type", "\"cosine\"")]
    [InlineData("trainer", "adapter: lora", "finetuning_type", "\"lora\"")]
    [InlineData("trainer", "additional_target: 'embed_tokens,lm_head'", "modules_to_save", "[\"embed_tokens\",\"lm_head\"]")]
    [InlineData("trainer", "lora_modules_to_save: [lm_head]", "modules_to_save", "[\"lm_head\"]")]
    [InlineData("trainer", "peft_use_dora: true", "use_dora", "true")]
    [InlineData("trainer", "peft_use_rslora: true", "use_rslora", "true")]
    [InlineData("trainer", "lora_plus_lr_ratio: 8", "loraplus_lr_ratio", "8")]
    [InlineData("trainer", "load_in_8bit: true", "base_type", "\"int8\"")]
    [InlineData("trainer", "load_in_4bit: true", "base_type", "\"nf4\"")]
    [InlineData("trainer", "quantization_bit: 8", "base_type", "\"int8\"")]
    [InlineData("trainer", "quantization_bit: 4", "base_type", "\"nf4\"")]
    [InlineData("trainer", "adapter: qlora", "base_type", "\"nf4\"")]
    [InlineData("trainer", "bnb_4bit_use_double_quant: false", "double_quant", "false")]
    [InlineData("trainer", "double_quantization: false", "double_quant", "false")]
    public void A_key_of_another_trainer_is_understood_with_a_note(string kind, string written, string key, string value)
    {
        var (parameters, notes) = Parse(kind, written);

        Assert.Equal(value, parameters[key]!.ToJsonString(StageKey.ParamsJson));
        var note = Assert.Single(notes);
        Assert.Contains($"{written.Split(':')[0]}", note, StringComparison.Ordinal);
        Assert.Contains($"understood as {key}", note, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("base_type: nf4, load_in_4bit: true", "base_type", "\"nf4\"")]
    [InlineData("base_type: NF4, load_in_4bit: true", "base_type", "\"nf4\"")]
    [InlineData("load_in_8bit: true, base_type: Int-8", "base_type", "\"int8\"")]
    [InlineData("finetuning_type: LoRA, adapter: qlora", "finetuning_type", "\"lora\"")]
    public void Two_keys_that_ask_for_the_same_in_other_letters_are_no_contradiction(string written, string key, string value) =>
        Assert.Equal(value, Parse("trainer", written).Parameters[key]!.ToJsonString(StageKey.ParamsJson));

    [Theory]
    [InlineData("trainer", "output_dir: ./lora-alpaca", "artifact store")]
    [InlineData("merger", "export_dir: merged", "artifact store")]
    [InlineData("trainer", "sample_packing: true", "packed")]
    [InlineData("trainer", "sample_packing: false", "packed")]
    [InlineData("trainer", "load_in_8bit: false", "done anyway")]
    [InlineData("trainer", "load_in_4bit: false", "done anyway")]
    [InlineData("trainer", "quantization_bit: null", "done anyway")]
    [InlineData("trainer", "bnb_4bit_quant_type: nf4", "done anyway")]
    [InlineData("trainer", "quantization_type: nf4", "done anyway")]
    [InlineData("trainer", "quantization_method: bitsandbytes", "done anyway")]
    [InlineData("trainer", "bnb_4bit_compute_dtype: bfloat16", "compute_type says")]
    [InlineData("trainer", "resume_from_checkpoint: true", "done anyway")]
    [InlineData("trainer", "bias: none", "done anyway")]
    [InlineData("trainer", "wandb_project: x", "the lab")]
    public void A_key_that_changes_nothing_here_is_left_out_with_a_note(string kind, string written, string note)
    {
        var (parameters, notes) = Parse(kind, written);

        Assert.Contains(note, Assert.Single(notes), StringComparison.Ordinal);
        Assert.Equal(Parse(kind, null).Parameters.ToJsonString(), parameters.ToJsonString());
    }

    [Theory]
    [InlineData("base_model", "tiny", "base", "model:tiny")]
    [InlineData("model_name_or_path", "Llama-3.2", "base", "model:Llama-3.2")]
    [InlineData("model_name_or_path", "other.model", "base", "other.model")]
    [InlineData("dataset", "data.dataset", "dataset", "data.dataset")]
    [InlineData("adapter_name_or_path", "tune.adapter", "adapter", "tune.adapter")]
    public void A_key_that_names_an_input_becomes_one(string key, string value, string input, string reference)
    {
        var kind = input == "adapter" ? "merger" : "trainer";
        var rest = new Dictionary<string, string> { ["dataset"] = "data.dataset", ["base"] = "model:tiny", ["adapter"] = "tune.adapter" };
        var inputs = StageKinds.Find(kind)!.Inputs.Where(port => port.Name != input && port.Required)
            .Select(port => $"{port.Name}: {rest[port.Name]}");
        var result = PipelineParser.Parse($$"""
            name: x
            stages:
              - { id: data, uses: data-build, inputs: { base: model:tiny }, with: { sources: [ { alpaca: { path: a.json } } ] } }
              - { id: tune, uses: trainer, inputs: { dataset: data.dataset, base: model:tiny } }
              - { id: other, uses: merger, inputs: { base: model:tiny, adapter: tune.adapter } }
              - { id: it, uses: {{kind}}, inputs: { {{string.Join(", ", inputs)}} }, with: { {{key}}: {{value}} } }
            """, "p.yaml");

        Assert.Empty(result.Errors);
        Assert.Equal($"p.yaml:6:{result.Notes[0].Column}: {key} understood as inputs: {{ {input}: {reference} }}",
            Assert.Single(result.Notes).ToString());
        InputRef expected = reference.StartsWith("model:", StringComparison.Ordinal) ? new NamedModel(reference[6..])
            : new StageOutput(reference.Split('.')[0], reference.Split('.')[1]);
        Assert.Equal(expected, result.Pipeline!.Stage("it").Inputs[input]);
    }

    [Fact]
    public void A_path_as_base_model_is_refused_with_what_to_write()
    {
        var result = PipelineParser.Parse(
            "name: x\nstages:\n  - id: a\n    uses: data-build\n    with: { base_model: /etc/llama, data_path: a.json }\n", "p.yaml");

        Assert.Contains("p.yaml:5:25: '/etc/llama' is no source: write STAGE.OUTPUT, or model:NAME", string.Join('\n', result.Errors),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("data_path")]
    [InlineData("dataset")]
    public void A_data_file_becomes_the_one_source(string key)
    {
        var result = PipelineParser.Parse($"name: x\nstages:\n  - id: a\n    uses: data-build\n    inputs: {{ base: model:tiny }}\n    "
            + $"with: {{ {key}: alpaca.json }}\n", "p.yaml");

        Assert.Empty(result.Errors);
        Assert.Equal("alpaca.json", Assert.Single(((DataBuildParams)result.Pipeline!.Stage("a").With).Sources).Name);
        Assert.Contains($"{key} understood as sources", Assert.Single(result.Notes).Message, StringComparison.Ordinal);
    }

    private static (JsonNode Parameters, IReadOnlyList<string> Notes) Parse(string kind, string? written)
    {
        var found = StageKinds.Find(kind)!;
        var data = kind == "data-build" ? "sources: [ { alpaca: { path: a.json } } ]" + (written is null ? "" : ", ") : "";
        var references =
            new Dictionary<string, string> { ["dataset"] = "data.dataset", ["base"] = "model:tiny", ["adapter"] = "tune.adapter" };
        var result = PipelineParser.Parse($$"""
            name: x
            stages:
              - { id: data, uses: data-build, inputs: { base: model:tiny }, with: { sources: [ { alpaca: { path: a.json } } ] } }
              - { id: tune, uses: trainer, inputs: { dataset: data.dataset, base: model:tiny } }
              - { id: it, uses: {{kind}}, inputs: { {{string.Join(", ", found.Inputs.Where(port => references.ContainsKey(port.Name)).Select(port => $"{port.Name}: {references[port.Name]}"))}} }, with: { {{data}}{{written}} } }
            """, "p.yaml");
        Assert.Empty(result.Errors);
        return (JsonSerializer.SerializeToNode(result.Pipeline!.Stage("it").With, found.Params, StageKey.ParamsJson)!,
            [.. result.Notes.Select(note => note.ToString())]);
    }
}
