using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Runtime.CompilerServices;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Tests.Pipelines;

public sealed class RangeTests
{
    [Fact]
    public void Every_number_of_every_stage_has_a_stated_range_and_its_default_lies_in_it()
    {
        var numbers = StageKinds.All.Select(kind => kind.Params).Concat(SourceKinds.All.Values).SelectMany(type => Numbers(type, []))
            .Distinct().ToList();

        Assert.True(numbers.Count > 40, $"only {numbers.Count} numbers were found");
        Assert.All(numbers, property =>
            Assert.True(property.IsDefined(typeof(RangeAttribute)), $"{property.DeclaringType!.Name}.{property.Name} has no range"));
        Assert.All(numbers.Where(property => !property.DeclaringType!.IsAbstract), property =>
        {
            var range = property.GetCustomAttribute<RangeAttribute>()!;
            var usual = property.GetValue(Activator.CreateInstance(property.DeclaringType!));
            if (usual is int or double && !property.IsDefined(typeof(RequiredMemberAttribute)))
            {
                Assert.True(range.IsValid(usual), $"{property.DeclaringType!.Name}.{property.Name} is {usual} where nothing is given");
            }
        });
    }

    [Theory]
    [InlineData("trainer", "save_total_limit: 0", "1:19", "at least 1")]
    [InlineData("trainer", "lora_dropout: 0.9999999", "1:15", "0 to 0.99")]
    [InlineData("trainer", "lora_dropout: -0.1", "1:15", "0 to 0.99")]
    [InlineData("trainer", "lora_alpha: 0", "1:13", "must be above 0")]
    [InlineData("trainer", "lora_alpha: -16", "1:13", "must be above 0")]
    [InlineData("trainer", "lora_r: 0", "1:9", "must be at least 1")]
    [InlineData("trainer", "lora_r: 2000000000", "1:9", "must be at most 65536")]
    [InlineData("trainer", "warmup_steps: -1", "1:15", "must be at least 0")]
    [InlineData("trainer", "warmup_ratio: 1.1", "1:15", "0 to 1")]
    [InlineData("trainer", "adam_beta1: 1", "1:13", "must be below 1")]
    [InlineData("trainer", "adam_beta2: -0.5", "1:13", "must be at least 0")]
    [InlineData("trainer", "adam_epsilon: 0", "1:15", "must be at least 1E-30")]
    [InlineData("trainer", "max_grad_norm: -1", "1:16", "must be at least 0")]
    [InlineData("trainer", "weight_decay: -0.1", "1:15", "must be at least 0")]
    [InlineData("trainer", "learning_rate: 0", "1:16", "must be above 0")]
    [InlineData("trainer", "learning_rate: 1e39", "1:16", "must be above 0 and at most 1")]
    [InlineData("trainer", "num_epochs: 0", "1:13", "must be at least 1")]
    [InlineData("trainer", "logging_steps: 0", "1:16", "must be at least 1")]
    [InlineData("trainer", "save_steps: -5", "1:13", "must be at least 1")]
    [InlineData("trainer", "val_set_size: -1", "1:15", "must be at least 0")]
    [InlineData("trainer", "layers_to_transform: [0, -1]", "1:26", "must be at least 0")]
    [InlineData("trainer", "rank_pattern: { a: 1, b: 0 }", "1:26", "'rank_pattern.b' must be at least 1")]
    [InlineData("trainer", "alpha_pattern: { a: 0 }", "1:21", "'alpha_pattern.a' must be above 0")]
    [InlineData("merger", "max_shard_size_mib: 0", "1:21", "must be at least 1")]
    [InlineData("merger", "max_shard_size_mib: -4096", "1:21", "must be at least 1")]
    [InlineData("evaluator", "max_new_tokens: 0", "1:17", "must be at least 1")]
    [InlineData("evaluator", "max_new_tokens: 2147483647", "1:17", "must be at most 1048576")]
    [InlineData("data-build", "cutoff_len: 1", "1:13", "2 (BOS and one to predict)")]
    [InlineData("data-build", "dedup: { near: 0 }", "1:16", "similarity above 0")]
    [InlineData("data-build", "sources: [ { chat: { path: p, sample: 0 } } ]", "1:39", "must be at least 1")]
    [InlineData("data-build", "sources: [ { chat: { path: p, repeat: 0 } } ]", "1:39", "must be at least 1")]
    [InlineData("data-build", "sources: [ { chat: { path: p, share: 1.5 } } ]", "1:38", "at most 1")]
    [InlineData("data-build", "sources: [ { chat: { path: p, weight: 1e-300 } } ]", "1:39", "above 0")]
    [InlineData("data-build", "writer: { provider: ollama, model: m, max_requests: 0 }", "1:53", "must be at least 1")]
    public void A_number_beyond_its_range_is_told_where_it_stands(string kind, string yaml, string place, string words)
    {
        var errors = Assert.Throws<PipelineException>(() => PipelineParser.ParseParams(yaml, "w.yaml", StageKinds.Find(kind)!)).Errors;

        Assert.Contains(errors,
            error => $"{error.Line}:{error.Column}" == place && error.Message.Contains(words, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("lora_dropout: 0.99")]
    [InlineData("lora_dropout: 0")]
    [InlineData("max_grad_norm: 0")]
    [InlineData("warmup_steps: 0")]
    [InlineData("val_set_size: 0")]
    [InlineData("save_total_limit: 1")]
    [InlineData("adam_beta1: 0")]
    public void The_ends_of_a_range_belong_to_it(string yaml) => PipelineParser.ParseParams(yaml, "w.yaml", StageKinds.Trainer);

    /// <summary>Properties that hold numbers, of a record and of all that its properties hold.</summary>
    private static IEnumerable<PropertyInfo> Numbers(Type type, HashSet<Type> seen)
    {
        if (!seen.Add(type))
        {
            yield break;
        }
        foreach (var property in type.GetProperties().Where(property => property.CanWrite))
        {
            var parts = Parts(property.PropertyType).ToList();
            if (parts.Exists(part => part == typeof(int) || part == typeof(double) || part == typeof(long)))
            {
                yield return property;
            }
            foreach (var inner in parts.Where(part => part.Namespace!.StartsWith(typeof(TrainerParams).Namespace!, StringComparison.Ordinal)
                && part.IsClass).SelectMany(part => Numbers(part, seen)))
            {
                yield return inner;
            }
        }
    }

    private static IEnumerable<Type> Parts(Type type) =>
        Nullable.GetUnderlyingType(type) is { } value ? [value] : type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts)
            : [type];
}
