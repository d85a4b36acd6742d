using LoraAspire.Merger;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Tests.Goldens;
using TorchSharp;

namespace LoraAspire.Tests.Merger;

/// <summary>Merged weights against those of PEFT.</summary>
[Trait("Category", "Goldens")]
public sealed class MergeGoldens
{
    public static TheoryData<string> Cases =>
        [.. GoldenFolder.Cases("lora").Where(folder => Directory.Exists(Path.Combine(folder, "merged"))).Select(folder => Path.GetFileName(folder)!)];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Merged_weights_equal_the_golden(string name)
    {
        var folder = Path.Combine(GoldenFolder.Root, "lora", name);
        using var document = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "case.json")));
        var baseFolder = Path.Combine(GoldenFolder.Root, document.RootElement.GetProperty("model").GetString()!);

        var largest = Compare(baseFolder, Path.Combine(folder, "final_adapter"), Path.Combine(folder, "merged", "model.safetensors")).Largest;

        TestContext.Current.SendDiagnosticMessage($"{name}: largest difference {largest:E1}");
        Assert.InRange(largest, 0, 1e-6);
    }

    [Fact]
    public void A_bf16_base_is_rounded_once()
    {
        var folder = GoldenFolder.Require(GoldenFolder.Root, "merge_bf16");

        var (largest, differing) = Compare(Path.Combine(folder, "base"), Path.Combine(folder, "adapter"), Path.Combine(folder, "ideal.safetensors"));

        Assert.Equal((0, 0), (largest, differing)); // as peft_default: 0 of 32768 elements off
    }

    private static (double Largest, long Differing) Compare(string baseFolder, string adapterFolder, string goldenFile)
    {
        LibTorch.Load();
        var output = Directory.CreateTempSubdirectory("lora-merge-");
        try
        {
            using var adapter = Adapter.Load(adapterFolder);
            MergedWeights.Write(baseFolder, adapter, output.FullName, 1L << 30, new Progress<StageProgress>(), TestContext.Current.CancellationToken);
            using var golden = SafetensorsFile.Open(goldenFile);
            using var written = WeightFiles.Open(output.FullName);
            double largest = 0;
            long differing = 0;
            foreach (var name in golden.Tensors.Keys)
            {
                using var scope = torch.NewDisposeScope();
                var difference = golden.Read(name).to_type(torch.float64).sub(written.Read(name).to_type(torch.float64)).abs();
                largest = Math.Max(largest, difference.max().item<double>());
                differing += difference.ne(0).sum().item<long>();
            }
            return (largest, differing);
        }
        finally
        {
            output.Delete(recursive: true);
        }
    }
}
