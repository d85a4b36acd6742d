using System.Text.Json;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Goldens;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>
/// Tiny models against what transformers computed (float32, eager attention), and against the families' formulas in float64.
/// </summary>
[Trait("Category", "Goldens"), Collection(TorchRandom.Name)]
public sealed class ModelGoldens(ITestOutputHelper output)
{
    /// <summary>Two correct float32 implementations differ by up to 5e-6 (against float64); four times that is allowed.</summary>
    private const double LogitTolerance = 2e-5;
    private const double LossTolerance = 3e-6;

    public static TheoryData<string> Models => GoldenFolder.Cases("models", holding: "golden.json");

    [Theory, MemberData(nameof(Models))]
    public void Logits_and_loss_equal_the_goldens(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = Golden.Open(name);
        using var model = golden.Model();
        var mask = golden.Tensor("attention_mask");

        var difference =
            golden.MaskedDifference(model.Forward(golden.Tensor("input_ids"), attentionMask: mask), golden.Tensor("logits"), mask);
        var targets = golden.Json.GetProperty("n_targets").GetInt64();
        var loss = model.SummedLoss(golden.Tensor("input_ids"), golden.Tensor("labels"), mask, training: false).item<float>() / targets;
        var lossDifference = Math.Abs(loss - golden.Json.GetProperty("loss").GetDouble());

        output.WriteLine($"{name}: logits differ by {difference:G3}, loss by {lossDifference:G3}");
        Assert.InRange(difference, 0, LogitTolerance);
        Assert.InRange(lossDifference, 0, LossTolerance);
    }

    [Theory, MemberData(nameof(Models))]
    public void Left_padded_rows_give_the_golden_logits_and_loss(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = Golden.Open(name);
        if (!golden.Json.TryGetProperty("left", out var left) || !golden.Has("logits_left"))
        {
            Assert.Skip($"{name} has no left-padded rows.");
        }
        using var model = golden.Model();
        Tensor ids = Golden.Matrix(left, "input_ids"), mask = Golden.Matrix(left, "attention_mask"), labels = Golden.Matrix(left, "labels");

        var difference = golden.MaskedDifference(model.Forward(ids, attentionMask: mask), golden.Tensor("logits_left"), mask);
        var targets = golden.Json.GetProperty("n_targets").GetInt64();
        var lossDifference =
            Math.Abs((model.SummedLoss(ids, labels, mask, training: false).item<float>() / targets) - left.GetProperty("loss").GetDouble());

        output.WriteLine($"{name}: left-padded logits differ by {difference:G3}, loss by {lossDifference:G3}");
        Assert.InRange(difference, 0, LogitTolerance);
        Assert.InRange(lossDifference, 0, LossTolerance);
    }

    [Theory, MemberData(nameof(Models))]
    public void A_cache_gives_the_logits_of_one_long_pass(string name)
    {
        using var scope = NewDisposeScope();
        using var golden = Golden.Open(name);
        using var model = golden.Model();
        var ids = golden.Tensor("input_ids").narrow(0, 0, 1); // the row without padding
        using var whole = model.Forward(ids);
        using var cache = new KvCache(model.Config, 1, (int)ids.size(1), model.Device, model.Dtype);

        var parts = new[] { 5, 1, 1, (int)ids.size(1) - 7 };
        var pieces = new List<Tensor>();
        foreach (var part in parts)
        {
            pieces.Add(model.Forward(ids.narrow(1, cache.Length, part), cache));
        }

        Assert.InRange(cat(pieces, 1).sub(whole).abs().max().item<float>(), 0, LogitTolerance);
    }
}

/// <summary>One model of the goldens.</summary>
internal sealed record Golden : IDisposable
{
    private string _folder;
    private readonly JsonDocument _json;
    private readonly SafetensorsFile? _tensors;

    private Golden(string folder)
    {
        _folder = folder;
        _json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        var tensors = Path.Combine(folder, "golden.safetensors");
        _tensors = File.Exists(tensors) ? SafetensorsFile.Open(tensors) : null;
    }

    public JsonElement Json => _json.RootElement;

    public static Golden Open(string name)
    {
        var folder = GoldenFolder.At(name);
        var golden = new Golden(folder);
        if (golden._tensors is not null)
        {
            return golden;
        }
        // Another model's weights in another file layout: what that model computed is expected of this one.
        var sibling = Open(name[..(name.LastIndexOf('/') + 1)] + golden.Json.GetProperty("same_weights_as").GetString()!);
        golden.Dispose();
        return sibling with { _folder = folder };
    }

    public LlamaModel Model() => Load(_folder);

    public static LlamaModel Load(string folder) => LlamaModel.Load(folder, CPU, float32);

    public bool Has(string name) => _tensors!.Tensors.ContainsKey(name);

    public Tensor Tensor(string name) => _tensors!.Read(name);

    public static Tensor Matrix(JsonElement parent, string name)
    {
        var rows = parent.GetProperty(name).Deserialize<long[][]>()!;
        return torch.tensor([.. rows.SelectMany(row => row)], [rows.Length, rows[0].Length]);
    }

    /// <summary>Largest absolute difference where the mask is 1.</summary>
    public double MaskedDifference(Tensor actual, Tensor expected, Tensor mask) =>
        actual.sub(expected).abs().mul(mask.unsqueeze(-1)).max().item<float>();

    public void Dispose()
    {
        _json.Dispose();
        _tensors?.Dispose();
    }
}
