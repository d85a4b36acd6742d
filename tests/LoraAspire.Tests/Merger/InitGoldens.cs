using System.Text.Json;
using LoraAspire.Merger;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Merger;

/// <summary>Adapters whose start changes the base when they are loaded, against what PEFT makes of them.</summary>
[Trait("Category", "Goldens")]
public sealed class InitGoldens
{
    public static IReadOnlyList<TheoryDataRow<string>> Cases =>
        GoldenFolder.OrSkipped(GoldenFolder.Names("init", holding: "merged"), Path.Combine(GoldenFolder.Root, "init"));

    /// <summary>
    /// The singular vectors of float32 are off by ε·σ₁ / (distance to the next singular value), here some 1e-7 · 50, times weights
    /// below 1; in a half type a sum next to the middle of two numbers may fall on either of them, twice: the residual is rounded too.
    /// </summary>
    [Theory, MemberData(nameof(Cases))]
    public void Merged_weights_are_those_of_PEFT(string name)
    {
        LibTorch.Load();
        var folder = GoldenFolder.At(name);
        var output = Directory.CreateTempSubdirectory("lora-init-");
        try
        {
            using var adapter = Adapter.Load(Path.Combine(folder, "adapter"));
            MergedWeights.Write(BaseOf(name, folder), adapter, output.FullName, 1L << 30, new Progress<StageProgress>(),
                TestContext.Current.CancellationToken);

            using WeightFiles golden = WeightFiles.Open(Path.Combine(folder, "merged")), written = WeightFiles.Open(output.FullName);
            using var scope = NewDisposeScope();
            var largest = 0.0;
            foreach (var entry in golden.Tensors)
            {
                var (ours, theirs) = (written.Read(entry.Name), golden.Read(entry.Name).to_type(float64));
                Assert.Equal(entry.Dtype, ours.dtype);
                var step = entry.Dtype switch { ScalarType.BFloat16 => 1 / 128.0, ScalarType.Float16 => 1 / 1024.0, _ => 0 };
                var apart = ours.to_type(float64).sub(theirs).abs();
                largest = Math.Max(largest, apart.max().item<double>());
                Assert.True(apart.sub(theirs.abs().mul(2 * step)).max().item<double>() < (step == 0 ? 1e-5 : 0.2 * step),
                    $"{name}: {entry.Name} is off by {apart.max().item<double>():E1}");
                Assert.InRange(apart.mean().item<double>(), 0, step == 0 ? 1e-6 : 0.1 * step * theirs.abs().mean().item<double>());
            }
            TestContext.Current.SendDiagnosticMessage($"{name}: largest difference {largest:E1}");
        }
        finally
        {
            output.Delete(recursive: true);
        }
    }

    /// <summary>A case's own base, the one that it names, or the one that they all share.</summary>
    private static string BaseOf(string name, string folder)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "case.json")));
        return Directory.Exists(Path.Combine(folder, "base")) ? Path.Combine(folder, "base")
            : GoldenFolder.Beside(name, json.RootElement.TryGetProperty("base", out var named) ? $"init/{named.GetString()}" : "init/base");
    }
}
