using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Adapters;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Quantised;

/// <summary>A model's folder as transformers writes one that bitsandbytes quantised, with the numbers of <see cref="NaiveNf4"/>.</summary>
internal static class BitsAndBytesFolder
{
    /// <param name="format">nf4, fp4 (which is told, not made) or int8</param>
    /// <param name="change">Spoils what is written, by name.</param>
    public static void Save(LlamaModel model, string folder, string format, bool twice = true,
        Action<Dictionary<string, Tensor>, JsonObject>? change = null)
    {
        TinyModel.Save(model, folder);
        Dictionary<string, Tensor> tensors = [];
        JsonObject config = new() { ["quant_method"] = "bitsandbytes", [format == "int8" ? "load_in_8bit" : "load_in_4bit"] = true };
        if (format != "int8")
        {
            config["bnb_4bit_quant_type"] = format;
        }
        var linears = model.Linears.Select(linear => linear.Name + ".weight").ToHashSet();
        foreach (var (name, weight) in model.Weights())
        {
            if (!linears.Contains(name))
            {
                tensors[name] = weight;
            }
            else if (format == "int8")
            {
                EightBits(name, weight, tensors);
            }
            else
            {
                FourBits(name, weight, format, twice, tensors);
            }
        }
        change?.Invoke(tensors, config);
        var path = Path.Combine(folder, "config.json");
        var root = JsonNode.Parse(File.ReadAllText(path))!;
        root["quantization_config"] = config;
        File.WriteAllText(path, root.ToJsonString());
        File.Delete(Path.Combine(folder, WeightFiles.Single));
        SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.Single), tensors.Select(item => TensorSource.Of(item.Key, item.Value)));
    }

    public static Tensor State(object state) => tensor(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(state)), uint8);

    private static void FourBits(string name, Tensor weight, string format, bool twice, Dictionary<string, Tensor> tensors)
    {
        var naive = NaiveNf4.Of(weight.data<float>().ToArray(), twice);
        tensors[name] = tensor(naive.Packed, uint8).unsqueeze(1);
        tensors[name + ".quant_map"] = tensor(NaiveNf4.Table.Select(value => (float)value).ToArray());
        tensors[name + ".absmax"] = twice ? tensor(naive.Codes, uint8) : tensor(naive.Absmax);
        if (twice)
        {
            tensors[name + ".nested_absmax"] = tensor(naive.Nested);
            tensors[name + ".nested_quant_map"] = tensor(NaiveNf4.Map.Select(value => (float)value).ToArray());
        }
        tensors[name + ".quant_state.bitsandbytes__" + format] = State(twice
            ? new
            {
                quant_type = format,
                blocksize = 64,
                dtype = "bfloat16",
                weight.shape,
                nested_blocksize = 256,
                nested_dtype = "float32",
                nested_offset = naive.Offset,
            }
            : new { quant_type = format, blocksize = 64, dtype = "bfloat16", weight.shape });
    }

    private static void EightBits(string name, Tensor weight, Dictionary<string, Tensor> tensors)
    {
        var absmax = weight.abs().amax([1]);
        tensors[name] = weight.div(absmax.unsqueeze(1)).mul(127).round().to_type(int8);
        tensors[name.Replace(".weight", ".SCB")] = absmax;
        tensors[name.Replace(".weight", ".weight_format")] = tensor((byte)0, uint8);
    }
}
