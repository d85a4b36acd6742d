using System.Text.Json;
using LoraAspire.Merger;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Goldens.Own;
using LoraAspire.Tests.Trainer;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Merger;

/// <summary>Merged weights against those of PEFT and those of float64.</summary>
[Trait("Category", "Goldens")]
public sealed class MergeGoldens
{
    public static TheoryData<string> Cases => GoldenFolder.Cases("lora", holding: "merged");

    public static TheoryData<string> Bf16 => GoldenFolder.Cases("", "merge_bf16");

    [Theory, MemberData(nameof(Cases))]
    public void Merged_weights_equal_the_golden(string name)
    {
        var golden = LoraCase.Open(name);
        var baseFolder = GoldenFolder.Beside(name, golden.Json.GetProperty("model").GetString()!);

        var largest = Merge(baseFolder, golden.Folder("final_adapter"), golden.Folder("merged/model.safetensors"))
            .Max(weight => weight.Ours.Zip(weight.Golden, (a, b) => Math.Abs(a - b)).Max());

        TestContext.Current.SendDiagnosticMessage($"{name}: largest difference {largest:E1}");
        Assert.InRange(largest, 0, 1e-6);
    }

    /// <summary>
    /// Where the sum in float64 lies in the very middle between two numbers of bf16, one in float32 may fall on either side of it.
    /// </summary>
    [Theory, MemberData(nameof(Bf16))]
    public void A_bf16_base_is_rounded_once(string name)
    {
        var folder = GoldenFolder.At(name);
        var exact = Exact(Path.Combine(folder, "base", "model.safetensors"), Path.Combine(folder, "adapter"));

        var weights = Merge(Path.Combine(folder, "base"), Path.Combine(folder, "adapter"), Path.Combine(folder, "ideal.safetensors"));

        Assert.All(weights, weight =>
        {
            for (var i = 0; i < weight.Ours.Length; i++)
            {
                var middle = (weight.Ours[i] + weight.Golden[i]) / 2;
                Assert.True(weight.Ours[i] == weight.Golden[i] || Math.Abs(exact[weight.Name][i].Value - middle) < 1e-7 * Math.Abs(middle),
                    $"{weight.Name}[{i}] is {weight.Ours[i]}, not {weight.Golden[i]}, and {exact[weight.Name][i].Value} is no tie "
                        + "between them");
            }
        });
    }

    /// <summary>W + scale · B·A in float64.</summary>
    private static Dictionary<string, Num[]> Exact(string weights, string adapter)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(adapter, "adapter_config.json")));
        var (rank, alpha) = (document.RootElement.GetProperty("r").GetInt32(), document.RootElement.GetProperty("lora_alpha").GetDouble());
        var tensors = PlainSafetensors.Read(Path.Combine(adapter, "adapter_model.safetensors"));
        const string Prefix = "base_model.model.", SuffixA = ".lora_A.weight";
        return new NaiveLora(alpha / rank, [.. tensors.Where(tensor => tensor.Key.EndsWith(SuffixA, StringComparison.Ordinal))
            .Select(tensor => (tensor.Key[Prefix.Length..^SuffixA.Length], tensor.Value,
                tensors[tensor.Key.Replace(SuffixA, ".lora_B.weight", StringComparison.Ordinal)]))])
            .Merged(PlainSafetensors.Read(weights));
    }

    private static List<(string Name, double[] Ours, double[] Golden)> Merge(string baseFolder, string adapterFolder, string goldenFile)
    {
        LibTorch.Load();
        var output = Directory.CreateTempSubdirectory("lora-merge-");
        try
        {
            using var adapter = Adapter.Load(adapterFolder);
            MergedWeights.Write(baseFolder, adapter, output.FullName, 1L << 30, new Progress<StageProgress>(),
                TestContext.Current.CancellationToken);
            using var golden = SafetensorsFile.Open(goldenFile);
            using var written = WeightFiles.Open(output.FullName);
            double[] Values(Tensor tensor) => tensor.to_type(float64).data<double>().ToArray();
            using var scope = NewDisposeScope();
            List<(string, double[], double[])> merged =
                [.. golden.Tensors.Keys.Select(name => (name, Values(written.Read(name)), Values(golden.Read(name))))];
            Assert.NotEmpty(merged);
            return merged;
        }
        finally
        {
            output.Delete(recursive: true);
        }
    }
}
