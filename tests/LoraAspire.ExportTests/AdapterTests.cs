using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Export.Gguf;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.ExportTests;

[Collection("llama.cpp")]
public sealed class AdapterTests(ITestOutputHelper output)
{
    public static TheoryData<string> Adapters => GoldenFolder.Cases("lora", holding: "final_adapter");

    [Theory, MemberData(nameof(Adapters))]
    public void Base_and_adapter_give_our_logits(string name)
    {
        using Scratch scratch = new();
        var (folder, adapterFolder) = Folders(name);
        using var ours = LlamaModel.Load(folder, CPU, ScalarType.Float32);
        int[] ids = [.. Enumerable.Range(0, 5).Select(i => 3 + (i * 7))];
        var plain = FamilyTests.Logits(ours, ids);
        using var adapter = Adapter.Load(adapterFolder);
        ours.Attach(adapter);

        Write(folder, adapterFolder, scratch.At("a.gguf"));
        using var theirs = LlamaCpp.Load(FamilyTests.Export(folder, scratch.At("m.gguf"), GgmlType.F32));
        var expected = FamilyTests.Logits(ours, ids);
        var difference = FamilyTests.Difference(expected, theirs.Logits(ids, scratch.At("a.gguf")));

        output.WriteLine($"{name}: logits differ by {difference:G3}; the adapter changes them by "
            + $"{FamilyTests.Difference(plain, expected):G3}");
        Assert.InRange(difference, 0, 1e-3);
        Assert.True(FamilyTests.Difference(plain, expected) > 10 * difference);
    }

    [Fact]
    public void Layers_of_other_ranks_and_alphas_come_out_right()
    {
        using Scratch scratch = new();
        var (folder, from) = Folders("own/lora/" + Path.GetFileName(GoldenFolder.Names("lora").First(one => one.StartsWith("own/"))));
        foreach (var file in Directory.GetFiles(from))
        {
            File.Copy(file, scratch.At(Path.GetFileName(file)));
        }
        var config = JsonNode.Parse(File.ReadAllText(scratch.At("adapter_config.json")))!.AsObject();
        config["alpha_pattern"] = new JsonObject { ["layers.1.self_attn.q_proj"] = 77 };
        File.WriteAllText(scratch.At("adapter_config.json"), config.ToJsonString());
        using var ours = LlamaModel.Load(folder, CPU, ScalarType.Float32);
        using var adapter = Adapter.Load(scratch.Path);
        ours.Attach(adapter);
        Write(folder, scratch.Path, scratch.At("a.gguf"));

        using var theirs = LlamaCpp.Load(FamilyTests.Export(folder, scratch.At("m.gguf"), GgmlType.F32));

        var found = theirs.Logits([3, 9, 5], scratch.At("a.gguf"));
        Assert.InRange(FamilyTests.Difference(FamilyTests.Logits(ours, [3, 9, 5]), found), 0, 1e-3);
    }

    [Theory]
    [InlineData("use_dora", "true", "DoRA")]
    [InlineData("modules_to_save", """["embed_tokens"]""", "modules_to_save")]
    [InlineData("init_lora_weights", "\"pissa\"", "pissa")]
    [InlineData("r", "3", "adapter's settings make it")]
    public void What_is_more_than_LoRA_is_refused_with_the_way_out(string field, string value, string words)
    {
        using Scratch scratch = new();
        var (folder, from) = Folders(GoldenFolder.Names("lora").First());
        foreach (var file in Directory.GetFiles(from))
        {
            File.Copy(file, scratch.At(Path.GetFileName(file)));
        }
        var config = JsonNode.Parse(File.ReadAllText(scratch.At("adapter_config.json")))!.AsObject();
        config[field] = JsonNode.Parse(value);
        File.WriteAllText(scratch.At("adapter_config.json"), config.ToJsonString());

        var error = Assert.Throws<ModelException>(() => Write(folder, scratch.Path, scratch.At("a.gguf")));

        Assert.Contains(words, error.Message);
        Assert.Contains("erge", error.Message);
    }

    [Fact]
    public void An_adapter_of_another_base_is_refused()
    {
        using Scratch scratch = new();
        var (_, adapter) = Folders(GoldenFolder.Names("lora").First());
        var error = Assert.Throws<ModelException>(() => Write(GoldenFolder.Pebble, adapter, scratch.At("a.gguf")));
        Assert.Contains("another base", error.Message);
        Assert.Empty(Directory.GetFiles(scratch.Path));
    }

    private static void Write(string folder, string adapter, string path)
    {
        using AdapterGguf file = new(adapter, folder, "m", GgmlType.F32);
        file.Write(path, () => { }, TestContext.Current.CancellationToken);
    }

    private static (string Base, string Adapter) Folders(string name)
    {
        var at = GoldenFolder.At(name);
        var model = JsonElement.Parse(File.ReadAllBytes(Path.Combine(at, "case.json"))).GetProperty("model").GetString()!;
        return (GoldenFolder.Beside(name, model), Path.Combine(at, "final_adapter"));
    }
}
