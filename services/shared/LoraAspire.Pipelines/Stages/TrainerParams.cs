using System.ComponentModel.DataAnnotations;

namespace LoraAspire.Pipelines.Stages;

/// <summary>
/// Data set + base → adapter (or, with <c>finetuning_type: full</c>, a model). Option names and defaults are alpaca-lora's.
/// </summary>
public sealed record TrainerParams : StageParams
{
    private const int MostRank = 65_536;

    /// <summary>lora trains an adapter beside a frozen base; full trains every weight and gives a model.</summary>
    public FinetuningType FinetuningType { get; init; } = FinetuningType.Lora;

    /// <summary>Examples an optimiser step sees.</summary>
    [Range(1, 1_000_000)]
    public int BatchSize { get; init; } = 128;
    /// <summary>With <c>compat: alpaca-lora</c>, examples of a micro-batch; must divide <see cref="BatchSize"/>.</summary>
    [Range(1, 1_000_000)]
    public int MicroBatchSize { get; init; } = 4;
    /// <summary>
    /// Tokens of a micro-batch that are computed, padding included and what rows share once;
    /// null is chosen from the memory there is.
    /// </summary>
    [Range(1, 16_777_216)]
    public int? MicroBatchTokens { get; init; }
    /// <summary>Recompute activations in the backward and take small micro-batches: slower, in a fraction of the memory.</summary>
    public bool LowMemory { get; init; }
    /// <summary>How often each row is seen.</summary>
    [Range(1, 100_000)]
    public int NumEpochs { get; init; } = 3;
    /// <summary>Optimiser steps; when given it wins over <see cref="NumEpochs"/>.</summary>
    [Range(1, 1_000_000_000)]
    public int? MaxSteps { get; init; }

    /// <summary>AdamW's, at the peak of the schedule.</summary>
    [Range(0.0, 1, MinimumIsExclusive = true, ErrorMessage = "must be above 0 and at most 1; 1e-4 to 3e-4 is usual for LoRA")]
    public double LearningRate { get; init; } = 3e-4;
    /// <summary>How the learning rate falls after the warm-up; constant stays.</summary>
    public LrScheduler LrSchedulerType { get; init; } = LrScheduler.Linear;
    /// <summary>Steps in which the learning rate rises from 0.</summary>
    [Range(0, 1_000_000_000)]
    public int WarmupSteps { get; init; } = 100;
    /// <summary>Share of all steps; when given it wins over <see cref="WarmupSteps"/>.</summary>
    [Range(0.0, 1, ErrorMessage = "is a share of all steps, 0 to 1")]
    public double? WarmupRatio { get; init; }
    /// <summary>AdamW's; norms and biases don't decay.</summary>
    [Range(0.0, 100)]
    public double WeightDecay { get; init; }
    /// <summary>Decay of the mean of gradients.</summary>
    [Range(0.0, 1, MaximumIsExclusive = true)]
    public double AdamBeta1 { get; init; } = 0.9;
    /// <summary>Decay of the mean of their squares.</summary>
    [Range(0.0, 1, MaximumIsExclusive = true)]
    public double AdamBeta2 { get; init; } = 0.999;
    /// <summary>Added to the root of that mean.</summary>
    [Range(1e-30, 1)]
    public double AdamEpsilon { get; init; } = 1e-8;
    /// <summary>Global 2-norm to which gradients are clipped; 0 turns it off.</summary>
    [Range(0.0, 1_000_000)]
    public double MaxGradNorm { get; init; } = 1.0;

    /// <summary>Rank of the adapters: rows of A, columns of B.</summary>
    [Range(1, MostRank)]
    public int LoraR { get; init; } = 8;
    /// <summary>The update is alpha / r · B·A.</summary>
    [Range(0.0, 1_000_000, MinimumIsExclusive = true)]
    public double LoraAlpha { get; init; } = 16;
    /// <summary>Share of an adapter's inputs that is left out at random in training.</summary>
    // What is kept is divided by 1 − p, so near 1 little is left but noise, and float32 knows no difference.
    [Range(0.0, 0.99, ErrorMessage = "is a probability, 0 to 0.99")]
    public double LoraDropout { get; init; } = 0.05;
    /// <summary>Names of linear layers, or the single word all-linear (every one but lm_head).</summary>
    public IReadOnlyList<string> LoraTargetModules { get; init; } = ["q_proj", "v_proj"];
    /// <summary>Scale alpha / sqrt(r) instead of alpha / r.</summary>
    public bool UseRslora { get; init; }
    /// <summary>DoRA: the adapter gives each output's direction, a trained vector its length.</summary>
    public bool UseDora { get; init; }
    /// <summary>LoRA+: learning rate of B over that of A; null is 1.</summary>
    [Range(0.0, 1_000_000, MinimumIsExclusive = true, ErrorMessage = "must be above 0 and at most 1000000; 16 is usual")]
    public double? LoraplusLrRatio { get; init; }
    /// <summary>embed_tokens, lm_head: trained whole and saved with the adapter.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];
    /// <summary>Regular expression of layers' paths, or of their ends → rank; the first that fits counts.</summary>
    [Range(1, MostRank)]
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();
    /// <summary>Regular expression of layers' paths, or of their ends → alpha; the first that fits counts.</summary>
    [Range(0.0, 1_000_000, MinimumIsExclusive = true)]
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();
    /// <summary>The first pattern that fits counts, so their order is part of the stage's identity, which sorts keys.</summary>
    public IReadOnlyList<string> PatternOrder => [.. RankPattern.Keys, .. AlphaPattern.Keys];
    /// <summary>Decoder layers, counted from 0, that get adapters; null is all.</summary>
    [Range(0, 10_000)]
    public IReadOnlyList<int>? LayersToTransform { get; init; }
    /// <summary>NEFTune: strength of the noise on embeddings in training; null is none.</summary>
    [Range(0.0, 1_000_000, ErrorMessage = "must be 0 or more; 5 is usual")]
    public double? NeftuneNoiseAlpha { get; init; }

    /// <summary>
    /// Rows held out for validation, drawn by the seed: a number of them, or below 1 a share. 0 turns evaluation off; null is 2000, but at
    /// most a tenth of the rows.
    /// </summary>
    [Range(0.0, int.MaxValue)]
    public double? ValSetSize { get; init; }
    /// <summary>Steps between two validations.</summary>
    [Range(1, 1_000_000_000)]
    public int EvalSteps { get; init; } = 200;
    /// <summary>
    /// Asks the model three held-out prompts before the first step and at validations, greedily: samples.jsonl beside what is trained, and
    /// a table on the run's page. At most 50 times or so; on a CPU only models of up to 200M weights.
    /// </summary>
    public bool SampleAnswers { get; init; }
    /// <summary>Steps between two checkpoints.</summary>
    [Range(1, 1_000_000_000)]
    public int SaveSteps { get; init; } = 200;
    /// <summary>Checkpoints that are kept.</summary>
    [Range(1, 1_000_000, ErrorMessage = "must be at least 1: an interrupted run goes on from the newest checkpoint")]
    public int SaveTotalLimit { get; init; } = 3;

    /// <summary>Also gives the adapters of the checkpoints that are there at the end, to be compared.</summary>
    public bool KeepCheckpoints { get; init; }

    /// <summary>With validation, give the checkpoint of lowest validation loss instead of the last step.</summary>
    public bool LoadBestModelAtEnd { get; init; } = true;
    /// <summary>Stop after this many evaluations in a row without a lower validation loss; null never stops early.</summary>
    [Range(1, 1_000_000_000, ErrorMessage = "counts evaluations: at least 1, or leave it out")]
    public int? EarlyStoppingPatience { get; init; }
    /// <summary>Steps between two reports of progress; metrics.jsonl has a line for each step.</summary>
    [Range(1, 1_000_000_000)]
    public int LoggingSteps { get; init; } = 1;

    /// <summary>Rows of like length share a step.</summary>
    public bool GroupByLength { get; init; }
    /// <summary>Of every draw.</summary>
    [Range(int.MinValue, int.MaxValue)]
    public int Seed { get; init; } = 42;
    /// <summary>What computes; auto takes a GPU where libtorch sees one.</summary>
    public Device Device { get; init; } = Device.Auto;
    /// <summary>Devices that share the rows of each step, one process each. On the CPU only a number is more than one.</summary>
    public DeviceChoice Devices { get; init; } = DeviceChoice.One;
    /// <summary>Each device holds a share of the base and gathers a layer when it computes it.</summary>
    public bool ShardBase { get; init; }
    /// <summary>Arithmetic and base weights; auto is bfloat16 on a GPU that has it, else float32. What is trained is float32.</summary>
    public ComputeType ComputeType { get; init; } = ComputeType.Auto;
    /// <summary>What a frozen base's linear layers are held in while adapters are trained on it.</summary>
    public BaseType BaseType { get; init; } = BaseType.Bf16;
    /// <summary>nf4: its scales are quantised too, which takes 0.4 bits a weight less.</summary>
    public bool DoubleQuant { get; init; } = true;
    /// <summary>alpaca-lora: loss is the mean of micro-batch means. none: every token weighs the same.</summary>
    public Compat Compat { get; init; } = Compat.None;

    /// <summary>
    /// How often it is told and kept how far the training is changes nothing of what is trained, unless that is given; nor do, but for
    /// rounding, the devices that it runs on: so a run goes on on others. Answers on the way are given when they are asked for.
    /// </summary>
    public override IEnumerable<string> PolicyKeys() => ["logging_steps", "devices", "shard_base",
        .. KeepCheckpoints ? Array.Empty<string>() : ["save_steps", "save_total_limit"],
        .. SampleAnswers ? Array.Empty<string>() : ["sample_answers"]];

    public override DeviceChoice? Gpus() => Device == Device.Cpu ? null : Devices;

    /// <summary>How many of so many rows are held out.</summary>
    public int HeldOutOf(int rows) => ValidationRows.Of(ValSetSize, rows);

    public override bool Gives(string output) => output == "checkpoints" ? KeepCheckpoints
        : output == (FinetuningType == FinetuningType.Lora ? "adapter" : "model");

    public override IEnumerable<(string Key, string Problem)> Validate()
    {
        if (MicroBatchSize > BatchSize || BatchSize % MicroBatchSize != 0)
        {
            yield return ("micro_batch_size", $"must divide batch_size ({BatchSize})");
        }
        if (FinetuningType == FinetuningType.Lora && LoraTargetModules.Count == 0)
        {
            yield return ("lora_target_modules", "needs at least one layer name, or all-linear");
        }
        foreach (var module in ModulesToSave.Where(module => module is not ("embed_tokens" or "lm_head")))
        {
            yield return ("modules_to_save", $"'{module}' can't be trained whole; embed_tokens and lm_head can");
        }
        foreach (var (key, given) in new[] { ("use_dora", UseDora), ("loraplus_lr_ratio", LoraplusLrRatio is not null),
            ("modules_to_save", ModulesToSave.Count > 0), ("rank_pattern", RankPattern.Count > 0),
            ("alpha_pattern", AlphaPattern.Count > 0), ("keep_checkpoints", KeepCheckpoints),
            ("layers_to_transform", LayersToTransform is not null) })
        {
            if (given && FinetuningType == FinetuningType.Full)
            {
                yield return (key, "belongs to LoRA, but finetuning_type is full");
            }
        }
        if (Device == Device.Cpu && Devices.Gpus is not null)
        {
            yield return ("devices", "names GPUs, but device is cpu: give a number of processes");
        }
        if (ShardBase && Devices.Count == 1)
        {
            yield return ("shard_base", "shares the base among devices, and there is one: set devices");
        }
        if (ShardBase && FinetuningType == FinetuningType.Full)
        {
            yield return ("shard_base", "is for a frozen base, but finetuning_type is full");
        }
        if (ShardBase && BaseType == BaseType.Auto)
        {
            yield return ("shard_base", "is not counted with by base_type auto: name bf16, fp8, int8 or nf4");
        }
        if (ShardBase && UseDora)
        {
            yield return ("shard_base", "shares the base's weights, and use_dora measures them whole: leave one of them out");
        }
        if (WhyNotQuantised() is { } why)
        {
            yield return ("base_type", why);
        }
        if (ValidationRows.Problem(ValSetSize) is { } size)
        {
            yield return ("val_set_size", size);
        }
        if (SampleAnswers && ValSetSize == 0)
        {
            yield return ("sample_answers", "asks held-out rows, and val_set_size is 0: give some");
        }
        if (SampleAnswers && ShardBase)
        {
            yield return ("sample_answers", "needs the whole base on a device, and shard_base shares it: leave one of them out");
        }
        if (MaxSteps == 1 && (WarmupRatio ?? WarmupSteps) > 0)
        {
            yield return (WarmupRatio is null ? "warmup_steps" : "warmup_ratio",
                "makes a warm-up, whose first step has the learning rate 0, and max_steps is 1: nothing would be learned");
        }
        if (EarlyStoppingPatience is not null && ValSetSize == 0)
        {
            yield return ("early_stopping_patience", "needs a validation loss: give val_set_size");
        }
    }

    /// <summary>What keeps the base from being held in the type that is asked for, as far as these settings say, or null.</summary>
    private string? WhyNotQuantised()
    {
        var name = BaseType.ToString().ToLowerInvariant();
        return BaseType switch
        {
            BaseType.Bf16 => null,
            _ when FinetuningType == FinetuningType.Full => "is for a base that stays as it is, but finetuning_type is full",
            BaseType.Fp8 when Device == Device.Cpu =>
                "fp8 needs a GPU of compute capability 8.9 or above, but device is cpu: leave base_type out",
            BaseType.Fp8 when ComputeType is ComputeType.Float32 or ComputeType.Float16 =>
                $"fp8 computes the rest in bfloat16, but compute_type is {ComputeType.ToString().ToLowerInvariant()}: leave one of them "
                    + "out",
            _ when UseDora => $"{name} holds the base's weights as codes, and use_dora measures them as numbers: leave one of them out",
            _ => null,
        };
    }
}

public enum FinetuningType { Lora, Full }

public enum LrScheduler { Linear, Cosine, Constant }

public enum Device { Auto, Cpu, Cuda }

public enum ComputeType { Auto, Float32, Bfloat16, Float16 }

/// <summary>
/// bf16: as they are, in <see cref="ComputeType"/>. The others are quantised while they are loaded: fp8 (e4m3, products in FP8 too), int8
/// by rows and nf4 by blocks (dequantised for each product). auto: the fastest of them that fits the device's memory.
/// </summary>
public enum BaseType { Bf16, Fp8, Int8, Nf4, Auto }
