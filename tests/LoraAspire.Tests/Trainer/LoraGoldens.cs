using System.Text.Json;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Data;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Model;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Trainer;

/// <summary>
/// 20 optimiser steps of PEFT and transformers' Trainer, and of the formulas in float64, repeated by our own step on the same rows.
/// </summary>
[Trait("Category", "Goldens"), Collection(TorchRandom.Name)]
public sealed class LoraGoldens(ITestOutputHelper output)
{
    /// <summary>
    /// Torch's eager attention repeats the run bit for bit; another kernel's rounding grows a little over 20 steps of AdamW.
    /// </summary>
    private const double LossTolerance = 1e-5;
    private const double RelativeNormTolerance = 1e-4;
    private const double AdapterTolerance = 1e-4;
    /// <summary>A single backward: float32 rounding of sums over some 40 targets.</summary>
    private const double GradientTolerance = 1e-5;

    public static TheoryData<string> Cases => GoldenFolder.Cases("lora", holding: "case.json");

    [Theory, MemberData(nameof(Cases))]
    public void Twenty_steps_follow_the_golden_trajectory(string name) => Follow(name, autograd: true);

    [Theory, MemberData(nameof(Cases))]
    public void Without_autograd_twenty_steps_follow_the_golden_trajectory(string name) => Follow(name, autograd: false);

    private void Follow(string name, bool autograd)
    {
        using var scope = NewDisposeScope();
        var golden = LoraCase.Open(name);
        using var model = golden.Base();
        using var adapter = Adapter.Load(golden.Folder("init_adapter"));
        model.Attach(adapter);
        Assert.Equal(golden.Json.GetProperty("scaling").GetDouble(), adapter.Layers.Values.First().Scale, 1e-12);
        using var parameters = ParameterSet.OfAdapters(model);
        using var optimiser = new AdamW(parameters, 0.9, 0.999, 1e-8, weightDecay: 0);
        var accumulation = golden.Case.GetProperty("accum").GetInt32();
        using var objective = new Objective(model, autograd: autograd);
        var step = new OptimiserStep(objective, parameters, optimiser, golden.Case.GetProperty("mgn").GetDouble());
        var schedule = new Schedule(LrScheduler.Linear, golden.Case.GetProperty("lr").GetDouble(),
            golden.Json.GetProperty("schedule").GetProperty("warmup_steps").GetInt32(), golden.Json.GetProperty("schedule")
                .GetProperty("total_steps").GetInt32());
        double lossDifference = 0, normDifference = 0;

        foreach (var expected in GoldenFolder.Rows(golden.Json, "steps"))
        {
            var index = expected.GetProperty("step").GetInt32();
            var batches = OneDevice.Batches(golden.MicroBatches(expected));
            using var result = step.Run(batches, schedule.At(index), seed: index, TestContext.Current.CancellationToken);

            Assert.Equal(expected.GetProperty("lr").GetDouble(), result.LearningRate, 1e-12);
            var losses = result.ReadMicroLosses();
            Assert.Equal(expected.GetProperty("micro_losses").GetArrayLength(), losses.Count());
            // Under "mean" the file has each micro-batch's own mean; ours are already divided by the accumulation.
            var share = golden.Compat == Compat.AlpacaLora ? accumulation : 1;
            foreach (var (micro, loss) in GoldenFolder.Rows(expected, "micro_losses").Zip(losses))
            {
                lossDifference = Math.Max(lossDifference, Math.Abs((loss * share) - micro.GetDouble()));
            }
            var norm = expected.GetProperty("grad_norm").GetDouble();
            normDifference = Math.Max(normDifference, Math.Abs(result.ReadGradNorm() - norm) / norm);
        }
        using var final = Adapter.Load(golden.Folder("final_adapter"));
        using var trained = model.Detached(adapter.Config);
        var adapterDifference = LoraCase.Difference(trained, final);

        output.WriteLine($"{name}: micro losses differ by {lossDifference:G3}, gradient norms by {normDifference:G3} of themselves, the "
            + $"final adapter by {adapterDifference:G3}");
        Assert.InRange(lossDifference, 0, LossTolerance);
        Assert.InRange(normDifference, 0, RelativeNormTolerance);
        Assert.InRange(adapterDifference, 0, AdapterTolerance);
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_gradients_of_the_first_step_equal_the_goldens(string name)
    {
        using var scope = NewDisposeScope();
        var golden = LoraCase.Open(name);
        using var model = golden.Base();
        using var adapter = Adapter.Load(golden.Folder("init_adapter"));
        model.Attach(adapter);
        using var parameters = ParameterSet.OfAdapters(model);
        using var optimiser = new AdamW(parameters, 0.9, 0.999, 1e-8, weightDecay: 0);
        using var objective = new Objective(model, autograd: true);
        var step = new OptimiserStep(objective, parameters, optimiser, maxGradNorm: 0);
        using var tensors = SafetensorsFile.Open(golden.Folder("tensors.safetensors"));

        var batches = OneDevice.Batches(golden.MicroBatches(golden.Json.GetProperty("steps")[0]));
        using var result = step.Run(batches, learningRate: 0, seed: 0, TestContext.Current.CancellationToken);
        var difference =
            parameters.Views().Max(view => (double)view.Gradient.sub(tensors.Read("grad." + view.Name)).abs().max().item<float>());

        output.WriteLine($"{name}: gradients differ by {difference:G3}");
        Assert.InRange(difference, 0, GradientTolerance);
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_adapter_gives_the_golden_logits(string name)
    {
        using var scope = NewDisposeScope();
        var golden = LoraCase.Open(name);
        using var tensors = SafetensorsFile.Open(golden.Folder("tensors.safetensors"));
        using var model = golden.Base();
        using var adapter = Adapter.Load(golden.Folder("final_adapter"));
        model.Attach(adapter);
        var mask = tensors.Read("attention_mask");

        var logits = model.Forward(tensors.Read("input_ids"), attentionMask: mask);
        var difference = logits.sub(tensors.Read("logits_adapter")).abs().mul(mask.unsqueeze(-1)).max().item<float>();

        output.WriteLine($"{name}: logits with the adapter differ by {difference:G3}");
        Assert.InRange(difference, 0, 3e-5); // seen against float64: 5e-6
    }
}

/// <summary>One trained adapter of the goldens.</summary>
internal sealed record LoraCase(string Name, JsonElement Json, IReadOnlyList<(int[] InputIds, int[] Labels)> Rows)
{
    public JsonElement Case => Json.GetProperty("case");

    public Compat Compat => Case.GetProperty("norm").GetString() == "mean" ? Compat.AlpacaLora : Compat.None;

    public static LoraCase Open(string name)
    {
        var folder = GoldenFolder.At(name);
        JsonElement Read(string file) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, file))).RootElement;
        int[] Ids(JsonElement row, string key) => row.GetProperty(key).Deserialize<int[]>()!;
        return new LoraCase(name, Read("case.json"),
            [.. Read("data.json").EnumerateArray().Select(row => (Ids(row, "input_ids"), Ids(row, "labels")))]);
    }

    public string Folder(string name) => Path.Combine(GoldenFolder.At(Name), name);

    public LlamaModel Base() => Golden.Load(GoldenFolder.Beside(Name, Json.GetProperty("model").GetString()!));

    /// <summary>With the padding that the case names: side, multiple.</summary>
    public IReadOnlyList<MicroBatch> MicroBatches(JsonElement step)
    {
        var padding = Json.GetProperty("padding");
        var multiple = padding.GetProperty("pad_to_multiple_of") is { ValueKind: JsonValueKind.Number } number ? number.GetInt32() : 1;
        var side = padding.GetProperty("side").GetString() == "left" ? PaddingSide.Left : PaddingSide.Right;
        return [.. TrainingRows(step).Select(rows => new MicroBatch(rows, side, multiple))];
    }

    /// <summary>A step's micro-batches as rows, each weighed as the case normalises.</summary>
    public IEnumerable<IReadOnlyList<TrainingRow>> TrainingRows(JsonElement step)
    {
        var batches = step.GetProperty("samples").EnumerateArray()
            .Select(samples => samples.EnumerateArray().Select(sample => Rows[sample.GetInt32()]).ToArray()).ToArray();
        var (size, accumulation) = (batches.Max(batch => batch.Length), Case.GetProperty("accum").GetInt32());
        var weighed = new Queue<TrainingRow>(MicroBatch.Weigh([.. batches.SelectMany(batch => batch)], Compat, size * accumulation, size));
        return [.. batches.Select(batch => batch.Select(_ => weighed.Dequeue()).ToList())];
    }

    public static double Difference(Adapter one, Adapter other)
    {
        Assert.Equal(other.Layers.Keys.Order(), one.Layers.Keys.Order());
        return one.Layers.Max(layer =>
            layer.Value.Tensors.Zip(other.Layers[layer.Key].Tensors).Max(pair => pair.First.sub(pair.Second).abs().max().item<float>()));
    }
}
