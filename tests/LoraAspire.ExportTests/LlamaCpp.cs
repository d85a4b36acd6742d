using System.Text;
using LLama;
using LLama.Common;
using LLama.Native;

namespace LoraAspire.ExportTests;

/// <summary>A GGUF file as llama.cpp runs it: on the CPU, with a float32 cache, one token after another.</summary>
internal sealed class LlamaCpp : IDisposable
{
    private readonly LLamaWeights _weights;
    private readonly ModelParams _parameters;

    static LlamaCpp()
    {
        NativeLibraryConfig.All.WithLogCallback((level, text) =>
        {
            if (level is LLamaLogLevel.Warning or LLamaLogLevel.Error)
            {
                Log.Append(text);
            }
        });
        NativeApi.llama_empty_call(); // loads the library: by itself the quantiser doesn't
    }

    private LlamaCpp(LLamaWeights weights, ModelParams parameters) => (_weights, _parameters) = (weights, parameters);

    /// <summary>What it warned of.</summary>
    public static StringBuilder Log { get; } = new();

    public static LlamaCpp Load(string path, bool vocabOnly = false)
    {
        ModelParams parameters = new(path)
        {
            ContextSize = 512,
            BatchSize = 512,
            UBatchSize = 512,
            Threads = 1,
            BatchThreads = 1,
            GpuLayerCount = 0,
            TypeK = GGMLType.GGML_TYPE_F32,
            TypeV = GGMLType.GGML_TYPE_F32,
            FlashAttention = false,
            VocabOnly = vocabOnly,
        };
        return new(LLamaWeights.LoadFromFile(parameters), parameters);
    }

    public IReadOnlyDictionary<string, string> Metadata => _weights.Metadata;

    public int[] Tokenize(string text, bool addBos, bool special = false) =>
        [.. _weights.Tokenize(text, addBos, special, Encoding.UTF8).Select(token => (int)token)];

    /// <summary>Of each position [ids, vocabulary].</summary>
    public float[][] Logits(IReadOnlyList<int> ids, string? lora = null)
    {
        using var context = _weights.CreateContext(_parameters);
        if (lora is not null)
        {
            context.NativeHandle.SetLoraAdapters([(_weights.NativeHandle.LoadLoraFromFile(lora), 1f)]);
        }
        LLamaBatch batch = new();
        for (var i = 0; i < ids.Count; i++)
        {
            batch.Add(ids[i], i, LLamaSeqId.Zero, true);
        }
        Assert.Equal(DecodeResult.Ok, context.NativeHandle.Decode(batch));
        return [.. Enumerable.Range(0, ids.Count).Select(i => context.NativeHandle.GetLogitsIth(i).ToArray())];
    }

    public int[] Greedy(IReadOnlyList<int> prompt, int count, string? lora = null)
    {
        List<int> ids = [.. prompt];
        for (var i = 0; i < count; i++)
        {
            var last = Logits(ids, lora)[^1];
            ids.Add(Array.IndexOf(last, last.Max()));
        }
        return [.. ids.Skip(prompt.Count)];
    }

    public void Dispose() => _weights.Dispose();
}
