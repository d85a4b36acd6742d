using System.Text;
using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks.Serve;

/// <summary>Writes a model of the llama family as llama.cpp reads it (GGUF version 3), with a vocabulary that means nothing.</summary>
internal sealed class GgufFile
{
    private const int Alignment = 32, BlockSize = 32;
    private const uint Float32Type = 0, Q8Type = 8; // ggml_type
    private const uint UInt32 = 4, Int32 = 5, Float32 = 6, String = 8, Array = 9; // gguf_metadata_value_type
    private const int NormalToken = 1, UnknownToken = 2, ControlToken = 3, ByteToken = 6;

    private readonly BinaryWriter _to;
    private readonly MemoryStream _fields = new();
    private readonly BinaryWriter _field;
    private int _count;

    private GgufFile(BinaryWriter to) => (_to, _field) = (to, new BinaryWriter(_fields));

    public static void Write(string path, LlamaModel model, bool quantized)
    {
        using var stream = File.Create(path);
        using var writer = new BinaryWriter(stream);
        new GgufFile(writer).Write(model, quantized);
    }

    private void Write(LlamaModel model, bool quantized)
    {
        var config = model.Config;
        Text("general.architecture", "llama");
        Text("general.name", "benchmark");
        Number("llama.context_length", config.MaxPositionEmbeddings);
        Number("llama.embedding_length", config.HiddenSize);
        Number("llama.block_count", config.NumHiddenLayers);
        Number("llama.feed_forward_length", config.IntermediateSize);
        Number("llama.attention.head_count", config.NumAttentionHeads);
        Number("llama.attention.head_count_kv", config.NumKeyValueHeads);
        Number("llama.rope.dimension_count", config.HeadDim);
        Number("llama.vocab_size", config.VocabSize);
        Real("llama.attention.layer_norm_rms_epsilon", (float)config.RmsNormEps);
        Real("llama.rope.freq_base", (float)config.RopeTheta);
        Vocabulary(config.VocabSize);

        var weights = model.Weights().Select(weight => (Name: NameOf(weight.Name), Values: Values(weight.Name, weight.Tensor, config),
            Shape: weight.Tensor.shape)).ToList();
        _to.Write("GGUF"u8);
        _to.Write(3u);
        _to.Write((ulong)weights.Count);
        _to.Write((ulong)_count);
        _field.Flush();
        _to.Write(_fields.ToArray());
        var offset = 0L;
        foreach (var (name, values, shape) in weights)
        {
            var narrow = quantized && shape.Length == 2;
            Put(_to, name);
            _to.Write((uint)shape.Length);
            foreach (var size in shape.Reverse())
            {
                _to.Write((ulong)size);
            }
            _to.Write(narrow ? Q8Type : Float32Type);
            _to.Write((ulong)offset);
            offset += Aligned(narrow ? values.Length / BlockSize * (BlockSize + 2) : values.Length * sizeof(float));
        }
        Fill();
        foreach (var (_, values, shape) in weights)
        {
            if (quantized && shape.Length == 2)
            {
                Blocks(values);
            }
            else
            {
                _to.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
            }
            Fill();
        }
    }

    /// <summary>Q8_0: a scale in float16 before 32 whole numbers.</summary>
    private void Blocks(float[] values)
    {
        foreach (var block in values.Chunk(BlockSize))
        {
            var largest = block.Max(Math.Abs);
            var scale = largest / 127;
            _to.Write((Half)scale);
            foreach (var value in block)
            {
                _to.Write((sbyte)(largest > 0 ? MathF.Round(value / scale) : 0));
            }
        }
    }

    /// <summary>llama.cpp turns neighbours (0, 1), (2, 3) … of a head, the checkpoints on Hugging Face i and i + half.</summary>
    private static float[] Values(string name, Tensor tensor, ModelConfig config)
    {
        using var scope = NewDisposeScope();
        var heads = name.Contains("q_proj", StringComparison.Ordinal) ? config.NumAttentionHeads
            : name.Contains("k_proj", StringComparison.Ordinal) ? config.NumKeyValueHeads
            : 0;
        return (heads == 0 ? tensor : tensor.view(heads, 2, config.HeadDim / 2, -1).transpose(1, 2).reshape(tensor.shape))
            .to(float32).contiguous().data<float>().ToArray();
    }

    private static string NameOf(string name) => name switch
    {
        "model.embed_tokens.weight" => "token_embd.weight",
        "model.norm.weight" => "output_norm.weight",
        "lm_head.weight" => "output.weight",
        _ when name.Split('.') is ["model", "layers", var layer, .., var part, "weight"] => $"blk.{layer}.{part switch
        {
            "input_layernorm" => "attn_norm",
            "post_attention_layernorm" => "ffn_norm",
            "q_proj" => "attn_q",
            "k_proj" => "attn_k",
            "v_proj" => "attn_v",
            "o_proj" => "attn_output",
            "gate_proj" => "ffn_gate",
            "up_proj" => "ffn_up",
            "down_proj" => "ffn_down",
            _ => throw new NotSupportedException(name),
        }}.weight",
        _ => throw new NotSupportedException(name),
    };

    private void Vocabulary(int size)
    {
        string[] tokens = ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(one => $"<0x{one:X2}>"),
            .. Enumerable.Range(0, size - 259).Select(one => $"word{one}")];
        int[] types = [UnknownToken, ControlToken, ControlToken, .. Enumerable.Repeat(ByteToken, 256),
            .. Enumerable.Repeat(NormalToken, size - 259)];
        Text("tokenizer.ggml.model", "llama");
        List("tokenizer.ggml.tokens", String, size, i => Put(_field, tokens[i]));
        List("tokenizer.ggml.scores", Float32, size, i => _field.Write(-(float)i));
        List("tokenizer.ggml.token_type", Int32, size, i => _field.Write(types[i]));
        Number("tokenizer.ggml.bos_token_id", 1);
        Number("tokenizer.ggml.eos_token_id", 2);
    }

    private void Key(string key, uint type)
    {
        _count++;
        Put(_field, key);
        _field.Write(type);
    }

    private void Text(string key, string value)
    {
        Key(key, String);
        Put(_field, value);
    }

    private void Number(string key, int value)
    {
        Key(key, UInt32);
        _field.Write((uint)value);
    }

    private void Real(string key, float value)
    {
        Key(key, Float32);
        _field.Write(value);
    }

    private void List(string key, uint type, int count, Action<int> write)
    {
        Key(key, Array);
        _field.Write(type);
        _field.Write((ulong)count);
        for (var i = 0; i < count; i++)
        {
            write(i);
        }
    }

    private static void Put(BinaryWriter to, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        to.Write((ulong)bytes.Length);
        to.Write(bytes);
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private void Fill()
    {
        _to.Flush();
        _to.Write(new byte[Aligned(_to.BaseStream.Position) - _to.BaseStream.Position]);
    }
}
