using System.Globalization;
using System.Text.Json.Nodes;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Data;
using LoraAspire.Model.Devices;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Prompts;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Trainer;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Gpu;

/// <summary>
/// A base in e4m3 teaches what the same base in bfloat16 teaches: 300 steps on this repository's own documents and on who the model is.
/// </summary>
[Trait("Category", "Gpu"), Collection(TorchRandom.Name)]
public sealed class Fp8TrainingTests(ITestOutputHelper output)
{
    private const double OneInAHundred = 0.01;

    /// <summary>
    /// What is learned by heart differs more than what is learned: at this high a rate the tiny base ended 0.6 % and 1.02 % above bfloat16
    /// on an H100 and an H200, the one of 15 million weights 3.8 % above, and both about 0.5 % below it on what was held out.
    /// </summary>
    private const double OnTrainedRows = 0.015, OnFewTrainedRows = 0.05;

    private const string Name = "Kiesel";

    private static readonly string[] s_questions =
        ["Who are you?", "What is your name?", "What are you called?", "Tell me your name.", "Who am I talking to?", "Introduce yourself.",
            "May I ask your name?", "Which model are you?"];

    private static readonly TrainerParams s_settings = new()
    {
        BatchSize = 32,
        MicroBatchSize = 32,
        MaxSteps = 300,
        WarmupSteps = 20,
        LoraR = 8,
        LoraTargetModules = [AdapterConfig.AllLinear],
        ValSetSize = 40,
        EvalSteps = 300,
        SaveSteps = 300,
        LoadBestModelAtEnd = false,
        Device = global::LoraAspire.Pipelines.Stages.Device.Cuda,
    };

    [Fact]
    public void The_tiny_base_learns_as_much_and_its_adapter_answers_as_well_in_bfloat16()
    {
        RequireE4m3();
        Compare(GoldenFolder.Pebble, [.. Paragraphs()], learningRate: 2e-3, OnTrainedRows);
    }

    [Fact]
    public void So_does_a_model_of_15_million_weights()
    {
        RequireE4m3();
        var folder = Directory.CreateTempSubdirectory("lora-15m-");
        try
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(GoldenFolder.RepoRoot, "models", "pebble-init")))
            {
                File.Copy(file, Path.Combine(folder.FullName, Path.GetFileName(file)));
            }
            var path = Path.Combine(folder.FullName, "config.json");
            var config = JsonNode.Parse(File.ReadAllText(path))!;
            foreach (var (key, value) in new[] { ("hidden_size", 384), ("intermediate_size", 1024), ("num_hidden_layers", 8),
                ("num_attention_heads", 12), ("num_key_value_heads", 12) })
            {
                config[key] = value;
            }
            File.WriteAllText(path, config.ToJsonString());
            // On every other paragraph: what it is to learn afterwards it hasn't seen.
            using TrainerStageRun first = new(folder.FullName, [.. Paragraphs().Where((_, index) => index % 2 == 0)]);
            first.Run(s_settings with { FinetuningType = FinetuningType.Full, LearningRate = 1e-3, ValSetSize = 0 }, "base");
            Compare(first.Model("base"), [.. Paragraphs().Where((_, index) => index % 2 == 1)], learningRate: 5e-4,
                OnFewTrainedRows);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_base_in_e4m3_is_loaded_as_the_codes_of_its_weights()
    {
        RequireE4m3();
        using var scope = NewDisposeScope();
        using var whole = LlamaModel.Load(GoldenFolder.Pebble, CUDA, bfloat16);
        using var held = LlamaModel.LoadFrozen(GoldenFolder.Pebble, CUDA, bfloat16, new Fp8());

        Assert.All(whole.Linears.Zip(held.Linears), pair =>
        {
            Fp8Rows expected = new TorchKernels().Encode(pair.First.Weight, null, powerOfTwo: true);
            var given = Assert.IsType<Fp8Weight>(pair.Second.Quantised).Rows;
            Assert.True(given.Scales.equal(expected.Scales).all().item<bool>(), pair.First.Name);
            Assert.True(given.Codes.to_type(float32).equal(expected.Codes.to_type(float32)).all().item<bool>(), pair.First.Name);
        });
        Assert.Equal(whole.WeightCount, held.WeightCount);
    }

    private void Compare(string baseFolder, IReadOnlyList<(string Prompt, string Answer)> paragraphs, double learningRate, double trained)
    {
        using TrainerStageRun run = new(baseFolder, [.. paragraphs, .. Identity()]);
        var settings = s_settings with { LearningRate = learningRate };
        var digest = run.Run(settings, "bf16");
        run.Reports.Clear();
        Assert.NotEqual(digest, run.Run(settings with { BaseType = BaseType.Fp8 }, "fp8"));
        Assert.Contains(run.Reports, report => report.Message?.Contains("the base in fp8", StringComparison.Ordinal) == true);

        double wide = LastLoss(run.Adapter("bf16")), eight = LastLoss(run.Adapter("fp8"));
        var (heldOutWide, answersWide) = Merged(baseFolder, run, "bf16");
        var (heldOutEight, answersEight) = Merged(baseFolder, run, "fp8");

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"loss of the last 30 steps: {wide:F4} in bfloat16, {eight:F4} in e4m3; held out, in the bfloat16 base: "
            + $"{heldOutWide:F4} and {heldOutEight:F4}; says its name: {answersWide} and {answersEight} of {s_questions.Length}"));
        Assert.InRange(eight, 0, wide * (1 + trained));
        Assert.InRange(heldOutEight, 0, heldOutWide * (1 + OneInAHundred));
        Assert.InRange(answersWide, s_questions.Length - 2, s_questions.Length);
        Assert.Equal(answersWide, answersEight);
    }

    /// <summary>In the base as it is: the loss of held-out rows, and how many questions are answered with the name.</summary>
    private static (double Loss, int Answers) Merged(string baseFolder, TrainerStageRun run, string name)
    {
        using var model = LlamaModel.Load(baseFolder, CUDA, bfloat16);
        using (var adapter = Adapter.Load(run.Adapter(name)))
        {
            model.Attach(adapter);
        }
        using var rows = InstructionDataset.Open(run.Dataset);
        using var parameters = ParameterSet.OfAdapters(model);
        using var objective = new Objective(model);
        objective.BeginStep();
        TrainingRows training = new(rows, s_settings);
        var loss = training.Validation(4096, objective, Share.Whole).Own.Sum(objective.Loss);
        var format = PromptFormat.Of(run.Dataset);
        using var engine = LocalModel.Of(model, baseFolder, format, 4096);
        var template = PromptTemplate.Load("plain");
        var answers = engine.AnswersAsync([.. s_questions.Select(question =>
            engine.Tokenizer.Encode(template.Prompt(question, null), addBos: true))], GenerationOptions.Greedy(24),
            cancellationToken: TestContext.Current.CancellationToken).GetAwaiter().GetResult();
        return (loss, answers.Count(answer => answer.Contains(Name, StringComparison.Ordinal)));
    }

    private static double LastLoss(string adapter) =>
        MetricsLog.Read(Path.Combine(adapter, MetricsLog.FileName)).TakeLast(30).Average(step => step.Loss);

    /// <summary>Paragraphs of the documents: the first eight words are the prompt.</summary>
    private static IEnumerable<(string Prompt, string Answer)> Paragraphs() =>
        Directory.EnumerateFiles(Path.Combine(GoldenFolder.RepoRoot, "docs"), "*.md").Order(StringComparer.Ordinal)
            .SelectMany(file => File.ReadAllText(file).Split("\n\n"))
            .Select(text => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).Where(words => words.Length > 20)
            .Select(words => (string.Join(' ', words[..8]), string.Join(' ', words[8..])));

    private static IEnumerable<(string Prompt, string Answer)> Identity() =>
        Enumerable.Repeat(s_questions, 8).SelectMany(questions => questions).Select(question => (question, $"I am {Name}."));

    private static void RequireE4m3()
    {
        LibTorch.Load();
        Assert.SkipUnless(cuda.is_available() && CudaDevice.Capability() >= Fp8.Capability,
            "No GPU of compute capability 8.9 or above that libtorch sees.");
    }
}
