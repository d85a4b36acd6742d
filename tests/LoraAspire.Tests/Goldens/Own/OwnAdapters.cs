using System.Text.Json;

namespace LoraAspire.Tests.Goldens.Own;

/// <summary>Adapters trained by <see cref="NaiveTraining"/>, and merged: the files of goldens/lora and goldens/merge_bf16.</summary>
internal static class OwnAdapters
{
    private const int Steps = 20, Micro = 2, Accumulation = 2;

    private static readonly string[] s_attention = ["q_proj", "k_proj", "v_proj", "o_proj"], s_linear =
        [.. s_attention, "gate_proj", "up_proj", "down_proj"];

    private sealed record Case(string Model, int Rank, double Alpha, string[] Targets)
    {
        public double MaxGradNorm { get; init; } = 1;
        public double LearningRate { get; init; } = 1e-3;
        public bool MeanOfMeans { get; init; }
        public bool RsLora { get; init; }
        public bool Left { get; init; }
        public int? MultipleOf { get; init; }

        /// <summary>Of the first B, which is 0 as a rule.</summary>
        public double Spread { get; init; }

        /// <summary>The last group of an epoch may be shorter than the accumulation.</summary>
        public int Rows { get; init; } = 80;

        public double Scale => Alpha / (RsLora ? Math.Sqrt(Rank) : Rank);
    }

    private static readonly Dictionary<string, Case> s_cases = new()
    {
        ["llama2_attention_short_epochs"] = new("llama2", 4, 8, s_attention) { Rows = 10, LearningRate = 3e-3 },
        ["llama3_tied_clipped_hard"] = new("llama3", 2, 8, s_attention) { MaxGradNorm = 0.05, MultipleOf = 8 },
        ["mistral_left_mean"] = new("mistral", 4, 8, s_attention) { MeanOfMeans = true, Left = true, MultipleOf = 8 },
        ["qwen3_linear_rslora_left"] = new("qwen3", 4, 4, s_linear) { RsLora = true, Spread = 0.1, Left = true },
    };

    public static IEnumerable<string> Names => s_cases.Keys;

    public static void Write(string name, string folder)
    {
        var one = s_cases[name];
        var config = OwnModels.Config(one.Model);
        var weights = OwnModels.Weights(one.Model, config);
        var random = new Random(name.Length);
        var rows = OwnModels.Rows(random, config.GetProperty("vocab_size").GetInt32(),
            [.. Enumerable.Range(0, one.Rows).Select(_ => random.Next(5, 13))]);
        var initial = Fresh(random, weights, one);
        var samples = Samples(one.Rows);
        var recipe = new NaiveRecipe(one.LearningRate, WarmupSteps: 3, Steps, one.MaxGradNorm, Accumulation, one.MeanOfMeans);
        NaiveRow[][][] batches =
            [.. samples.Select(step => step.Select(batch => batch.Select(sample => rows[sample]).ToArray()).ToArray())];

        var (final, steps) = NaiveTraining.Run(initial, weights, recipe, batches,
            (merged, row) => new NaiveLlama(config, merged).SummedLoss(row.Ids, row.Labels));

        WriteAdapter(Path.Combine(folder, "init_adapter"), initial, one);
        WriteAdapter(Path.Combine(folder, "final_adapter"), final, one);
        WriteAdapter(Path.Combine(folder, "final_adapter_bin"), final, one, pickled: true);
        var saved = final.With([.. final.Values.Select(value => Plain.Round(value, Stored.F32))]);
        var merged = saved.Merged(weights);
        Directory.CreateDirectory(Path.Combine(folder, "merged"));
        PlainSafetensors.Write(Path.Combine(folder, "merged", "model.safetensors"), weights.Select(weight =>
            KeyValuePair.Create(weight.Key, weight.Value with { Values = [.. merged[weight.Key].Select(value => value.Value)] })));
        var shown = OwnModels.Rows(random, config.GetProperty("vocab_size").GetInt32(), 12, 7);
        var logits = OwnModels.Logits(new NaiveLlama(config, merged), shown, left: false);
        var gradient = initial.With(steps[0].Gradient);
        PlainSafetensors.Write(Path.Combine(folder, "tensors.safetensors"), new Dictionary<string, Plain>(Tensors(gradient, "grad."))
        {
            ["input_ids"] = OwnModels.Padded(shown, row => row.Ids, 0, left: false),
            ["attention_mask"] = OwnModels.Padded(shown, row => [.. row.Ids.Select(_ => 1)], 0, left: false),
            ["logits_adapter"] = logits,
            ["logits_merged"] = logits,
        });
        File.WriteAllText(Path.Combine(folder, "data.json"),
            JsonSerializer.Serialize(rows.Select(row => new { input_ids = row.Ids, labels = row.Labels })));
        File.WriteAllText(Path.Combine(folder, "case.json"), JsonSerializer.Serialize(new
        {
            @case = new
            {
                accum = Accumulation,
                micro = Micro,
                mgn = one.MaxGradNorm,
                lr = one.LearningRate,
                norm = one.MeanOfMeans ? "mean"
                : "num_items"
            },
            model = $"models/{one.Model}",
            scaling = one.Scale,
            schedule = new { type = "linear", warmup_steps = recipe.WarmupSteps, total_steps = Steps },
            padding = new { side = one.Left ? "left" : "right", pad_to_multiple_of = one.MultipleOf },
            steps = steps.Select((step, i) => new
            {
                step = i,
                samples = samples[i],
                micro_losses = step.MicroLosses,
                loss = step.Loss,
                grad_norm = step.GradNorm,
                lr = step.LearningRate
            }),
        }));
    }

    /// <summary>A bf16 base and a float32 adapter; some of what they give lies in the very middle between two numbers of bf16.</summary>
    public static void WriteMergeBf16(string folder)
    {
        var config = OwnModels.Config("qwen2_bf16");
        var weights = OwnModels.Weights("qwen2_bf16", config);
        var one = new Case("qwen2_bf16", 4, 8, s_attention) { Spread = 0.1 };
        var adapter = Fresh(new Random(5), weights, one);
        // Scale 2 times 2⁻⁹ is half a step of bf16 between 1 and 2: 1 goes down to it, 1 + 2⁻⁷ up, to the even one of the two.
        var (module, a, b) = adapter.Layers[0];
        var base0 = weights[module + ".weight"];
        weights[module + ".weight"] =
            base0 with { Values = [.. base0.Values.Select((value, i) => i < a.Shape[1] ? 1 + (i % 2 / 128.0) : value)] };
        Array.Fill(a.Values, 0, 0, a.Values.Length);
        Array.Fill(a.Values, 1, 0, a.Shape[1]);
        Array.Fill(b.Values, 0, 0, a.Shape[0]);
        b.Values[0] = 1 / 512.0;

        var merged = adapter.Merged(weights);
        Directory.CreateDirectory(Path.Combine(folder, "base"));
        File.WriteAllText(Path.Combine(folder, "base", "config.json"), config.GetRawText());
        PlainSafetensors.Write(Path.Combine(folder, "base", "model.safetensors"), weights);
        WriteAdapter(Path.Combine(folder, "adapter"), adapter, one);
        PlainSafetensors.Write(Path.Combine(folder, "ideal.safetensors"),
            adapter.Layers.Select(layer => layer.Module + ".weight").Select(name =>
            KeyValuePair.Create(name, weights[name] with { Values = [.. merged[name].Select(value => value.Value)] })));
    }

    private static NaiveLora Fresh(Random random, Dictionary<string, Plain> weights, Case one)
    {
        Plain Random(double spread, params int[] shape) =>
            new Plain(shape, [.. Enumerable.Range(0, shape[0] * shape[1]).Select(_ => spread * OwnModels.Normal(random))]).Rounded();
        return new(one.Scale,
            [.. weights.Where(weight => one.Targets.Any(target => weight.Key.EndsWith($".{target}.weight", StringComparison.Ordinal)))
            .Select(weight => (weight.Key[..^".weight".Length], Random(0.2, one.Rank, weight.Value.Shape[1]),
                Random(one.Spread, weight.Value.Shape[0], one.Rank)))]);
    }

    /// <summary>Step by step the micro-batches' rows: in file order, epoch after epoch; an epoch's last group may be shorter.</summary>
    private static int[][][] Samples(int rows) =>
    [
        .. Enumerable.Repeat(0, Steps).SelectMany(_ => Enumerable.Range(0, rows).Chunk(Micro).Chunk(Accumulation)).Take(Steps),
    ];

    private static Dictionary<string, Plain> Tensors(NaiveLora lora, string prefix) => lora.Layers
        .SelectMany(layer => new[] { ("A", layer.A), ("B", layer.B) }
            .Select(part => KeyValuePair.Create($"{prefix}base_model.model.{layer.Module}.lora_{part.Item1}.weight", part.Item2)))
        .ToDictionary();

    private static void WriteAdapter(string folder, NaiveLora lora, Case one, bool pickled = false)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), JsonSerializer.Serialize(new
        {
            peft_type = "LORA",
            task_type = "CAUSAL_LM",
            base_model_name_or_path = $"models/{one.Model}",
            r = one.Rank,
            lora_alpha = one.Alpha,
            lora_dropout = 0.0,
            target_modules = one.Targets,
            bias = "none",
            use_rslora = one.RsLora,
            use_dora = false,
            fan_in_fan_out = false,
            inference_mode = true,
        }));
        if (pickled)
        {
            OwnModels.WriteZip(Path.Combine(folder, "adapter_model.bin"), Tensors(lora, ""));
        }
        else
        {
            PlainSafetensors.Write(Path.Combine(folder, "adapter_model.safetensors"), Tensors(lora, ""));
        }
    }
}
