using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Adapters;

/// <summary>Every field of an adapter_config.json is used, of no matter, or refused by its name.</summary>
public sealed class PeftFieldTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-fields-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("\"exclude_modules\": [\"lm_head\"]")]
    [InlineData("\"exclude_modules\": \".*layers.5.*\"")]
    [InlineData("\"layers_pattern\": \"layers\", \"layers_to_transform\": 3")]
    [InlineData("\"layers_pattern\": [\"layers\", \"h\"], \"layers_to_transform\": [0, 1]")]
    [InlineData("\"target_modules\": \".*\\\\.(q|v)_proj$\"")]
    [InlineData("\"modules_to_save\": null, \"rank_pattern\": null, \"alpha_pattern\": null, \"use_dora\": null, \"lora_dropout\": null")]
    [InlineData("\"corda_config\": {\"verbose\": true}, \"eva_config\": {\"rho\": 2.0}, \"loftq_config\": {\"loftq_bits\": 4}")]
    [InlineData("\"runtime_config\": {\"ephemeral_gpu_offload\": false}, \"peft_version\": \"0.21.0\", \"qalora_group_size\": 16")]
    [InlineData("\"auto_mapping\": {\"base_model_class\": \"LlamaForCausalLM\"}, \"task_type\": \"CAUSAL_LM\", \"revision\": \"main\"")]
    [InlineData("\"target_parameters\": [], \"trainable_token_indices\": null, \"use_qalora\": false, \"use_bdlora\": null")]
    [InlineData("\"lora_dtype\": null, \"lorap_lr_ratio\": null, \"lorap_emb_lr\": 1e-06")]
    [InlineData("\"something_new\": null, \"something_else\": false, \"some_config\": {}, \"some_list\": []")]
    public void What_changes_no_number_is_accepted(string fields) => Load(fields);

    [Theory]
    [InlineData("bias", "\"lora_only\"")]
    [InlineData("bias", "5")]
    [InlineData("fan_in_fan_out", "\"yes\"")]
    [InlineData("lora_bias", "true")]
    [InlineData("layer_replication", "[[0, 4], [2, 5]]")]
    [InlineData("alora_invocation_tokens", "[5]")]
    [InlineData("target_parameters", "[\"feed_forward.experts.gate_up_proj\"]")]
    [InlineData("trainable_token_indices", "{\"embed_tokens\": [1, 2]}")]
    [InlineData("trainable_token_indices", "[7]")]
    [InlineData("use_qalora", "true")]
    [InlineData("arrow_config", "{\"top_k\": 3}")]
    [InlineData("kasa_config", "{\"beta\": 0.1}")]
    [InlineData("monteclora_config", "{\"num_samples\": 8}")]
    [InlineData("velora_config", "{\"num_groups\": 64}")]
    [InlineData("use_bdlora", "{\"nblocks\": 2}")]
    [InlineData("megatron_config", "{\"tp\": 2}")]
    [InlineData("enable_lora", "[true, false, true]")]
    [InlineData("use_mora", "true")]
    [InlineData("init_lora_weights_v2", "\"pissa\"")]
    [InlineData("some_scale", "0.5")]
    public void What_changes_numbers_or_may_is_refused_by_its_name(string field, string value) =>
        Refused($"\"{field}\": {value}", $"'{field}'");

    [Theory]
    [InlineData("\"r\": null", "'r' is missing")]
    [InlineData("\"r\": \"8\"", "'r' must be a number")]
    [InlineData("\"r\": 8.5", "'r' is 8.5")]
    [InlineData("\"r\": 0", "'r' is 0")]
    [InlineData("\"lora_alpha\": null", "'lora_alpha' is missing")]
    [InlineData("\"lora_alpha\": [16]", "'lora_alpha' must be a number")]
    [InlineData("\"lora_dropout\": \"0.1\"", "'lora_dropout' must be a number")]
    [InlineData("\"target_modules\": null", "'target_modules' is missing")]
    [InlineData("\"target_modules\": 5", "'target_modules' must be a string or a list")]
    [InlineData("\"target_modules\": [\"q_proj\", null]", "'target_modules' has null in its list")]
    [InlineData("\"modules_to_save\": \"lm_head\"", "'modules_to_save' must be a list")]
    [InlineData("\"modules_to_save\": [1]", "'modules_to_save' has 1 in its list")]
    [InlineData("\"rank_pattern\": []", "'rank_pattern' must be an object")]
    [InlineData("\"rank_pattern\": {\"q_proj\": null}", "'rank_pattern' has the rank null")]
    [InlineData("\"rank_pattern\": {\"q_proj\": \"4\"}", "'rank_pattern' has the rank \"4\"")]
    [InlineData("\"alpha_pattern\": {\"q_proj\": null}", "'alpha_pattern' has null")]
    [InlineData("\"layers_to_transform\": [\"a\"]", "'layers_to_transform' must be a whole number")]
    [InlineData("\"layers_to_transform\": 1.5", "'layers_to_transform' must be a whole number")]
    [InlineData("\"use_rslora\": \"true\"", "'use_rslora' must be true or false")]
    [InlineData("\"use_dora\": 1", "'use_dora' must be true or false")]
    [InlineData("\"peft_type\": 7", "'peft_type' must be a string")]
    [InlineData("\"peft_type\": \"ADALORA\"", "'peft_type' is 'ADALORA'")]
    [InlineData("\"init_lora_weights\": 1", "'init_lora_weights' must be true, false or a string")]
    public void Null_and_wrong_types_are_told_by_their_field(string fields, string message) => Refused(fields, message);

    [Theory]
    [InlineData("true", "true")]
    [InlineData("false", "true")]
    [InlineData("null", "true")]
    [InlineData("\"gaussian\"", "true")]
    [InlineData("\"Gaussian\"", "true")]
    [InlineData("\"orthogonal\"", "true")]
    [InlineData("\"eva\"", "true")]
    [InlineData("\"mica\"", "true")]
    [InlineData("\"pissa\"", "pissa")]
    [InlineData("\"olora\"", "olora")]
    [InlineData("\"OLoRA\"", "olora")]
    public void A_start_that_the_files_determine_is_known(string value, string start) =>
        Assert.Equal(start, Load($"\"init_lora_weights\": {value}").Start.Name);

    [Theory]
    [InlineData("pissa_niter_4", "random draws")]
    [InlineData("pissa_niter_16", "random draws")]
    [InlineData("corda", "covariances of sample data")]
    [InlineData("loftq", "quantised")]
    [InlineData("lora_ga", "gradients of sample data")]
    [InlineData("PiSSA", "isn't known here")]
    [InlineData("tomorrow", "isn't known here")]
    public void A_start_that_the_files_dont_determine_is_refused_by_its_name(string value, string why)
    {
        var message = Refused($"\"init_lora_weights\": \"{value}\"", $"'init_lora_weights' is '{value}'");

        Assert.Contains(why, message, StringComparison.Ordinal);
        Assert.Contains("merge_and_unload()", message, StringComparison.Ordinal);
    }

    [Fact]
    public void PiSSA_needs_a_scale_that_it_can_divide_by()
    {
        Refused("\"init_lora_weights\": \"pissa\", \"lora_alpha\": 0", "'lora_alpha'");
        Refused("\"init_lora_weights\": \"pissa\", \"alpha_pattern\": {\"q_proj\": -1}", "alpha_pattern");
        Load("\"init_lora_weights\": \"olora\", \"lora_alpha\": 0");
    }

    [Fact]
    public void The_docs_have_each_field_and_each_start_with_what_becomes_of_it()
    {
        var text = File.ReadAllText(Path.Combine(GoldenFolder.RepoRoot, "docs", "training.md"));
        var section = text.Split("\n## ").Single(part => part.StartsWith("I have an adapter from PEFT\n", StringComparison.Ordinal));
        List<string> Rows(string head) => [.. section[section.IndexOf(head, StringComparison.Ordinal)..].Split('\n').Skip(2)
            .TakeWhile(line => line.StartsWith('|'))];

        var told = Rows("| field |");
        // A row may name several fields that share their fate.
        Assert.Equal(PeftField.All.GroupBy(field => field.What)
            .Select(same => $"| {string.Join(", ", same.Select(field => $"`{field.Name}`"))} | {same.Key} |"), told);
        Assert.Equal(Initialization.Known.Select(start => $"| {start.Values} | {start.What} |"), Rows("| `init_lora_weights` | what"));
    }

    private LoraConfig Load(string fields)
    {
        // Of a field that stands twice the last counts.
        File.WriteAllText(Path.Combine(_folder, AdapterConfig.FileName),
            $$"""{ "peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], {{fields}} }""");
        return Assert.IsType<LoraConfig>(AdapterConfig.Load(_folder));
    }

    private string Refused(string fields, string message)
    {
        var error = Assert.Throws<ModelException>(() => Load(fields)).Message;
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Contains(AdapterConfig.FileName, error, StringComparison.Ordinal);
        return error;
    }
}
