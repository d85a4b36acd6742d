using System.Numerics.Tensors;
using LLama;
using LLama.Common;
using LLama.Native;
using LoraAspire.Model.Generation.Batching;

namespace LoraAspire.Benchmarks.Serve;

/// <summary>Greedy decoding of several sequences in step, by some engine.</summary>
internal interface IDecoder : IDisposable
{
    /// <summary>Forgets what was, and reads a prompt for each sequence.</summary>
    void Begin(int[][] prompts);

    /// <summary>One token more for each.</summary>
    void Step();

    /// <summary>Of the first one's last token.</summary>
    float[] Logits { get; }
}

/// <summary>This project's.</summary>
internal sealed class OurDecoder(StepExecutor executor, int callers, int positions) : IDecoder
{
    private readonly int[][] _blocks = [.. Enumerable.Range(0, callers).Select(one =>
        Enumerable.Range(one * ((positions + 15) / 16), (positions + 15) / 16).ToArray())];
    private int[] _next = [];
    private int _length;

    public float[] Logits { get; private set; } = [];

    public void Begin(int[][] prompts)
    {
        _length = 0;
        // One after another: prompts are not what is timed.
        _next = [.. prompts.Select((prompt, i) => Take(executor.Run([new SequenceSlice(prompt, 0, _blocks[i], true)]).Logits(0), i))];
        _length = prompts[0].Length;
    }

    public void Step()
    {
        var results = executor.Run([.. _next.Select((id, i) => new SequenceSlice(new[] { id }, _length, _blocks[i], true))]);
        for (var i = 0; i < _next.Length; i++)
        {
            _next[i] = Take(results.Logits(i), i);
        }
        _length++;
    }

    private int Take(Span<float> logits, int sequence)
    {
        if (sequence == 0)
        {
            Logits = logits.ToArray();
        }
        return TensorPrimitives.IndexOfMax<float>(logits);
    }

    public void Dispose() => executor.Dispose();
}

/// <summary>llama.cpp by LLamaSharp, a batch of one token a sequence in a step.</summary>
internal sealed class TheirDecoder : IDecoder
{
    private readonly LLamaWeights _weights;
    private readonly LLamaContext _context;
    private readonly LLamaBatch _batch = new();
    private int[] _next = [];
    private int _length;

    static TheirDecoder() => NativeLibraryConfig.All.WithLogCallback((level, message) =>
    {
        if (level >= LLamaLogLevel.Error)
        {
            Console.Error.Write(message);
        }
    });

    public TheirDecoder(string gguf, int callers, int positions, int threads)
    {
        var options = new ModelParams(gguf)
        {
            ContextSize = (uint)(callers * Math.Max(256, positions)),
            SeqMax = (uint)callers,
            BatchSize = 512,
            UBatchSize = 512,
            Threads = threads,
            BatchThreads = threads,
            GpuLayerCount = 0,
        };
        _weights = LLamaWeights.LoadFromFile(options);
        _context = _weights.CreateContext(options);
    }

    public float[] Logits { get; private set; } = [];

    public void Begin(int[][] prompts)
    {
        _context.NativeHandle.MemoryClear(true);
        _next = new int[prompts.Length];
        for (var i = 0; i < prompts.Length; i++)
        {
            _batch.Clear();
            for (var at = 0; at < prompts[i].Length; at++)
            {
                _batch.Add(prompts[i][at], at, (LLamaSeqId)i, at == prompts[i].Length - 1);
            }
            Decode();
            _next[i] = Take(_context.NativeHandle.GetLogitsIth(prompts[i].Length - 1), i);
        }
        _length = prompts[0].Length;
    }

    public void Step()
    {
        _batch.Clear();
        for (var i = 0; i < _next.Length; i++)
        {
            _batch.Add(_next[i], _length, (LLamaSeqId)i, true);
        }
        Decode();
        for (var i = 0; i < _next.Length; i++)
        {
            _next[i] = Take(_context.NativeHandle.GetLogitsIth(i), i);
        }
        _length++;
    }

    private void Decode()
    {
        if (_context.NativeHandle.Decode(_batch) is not DecodeResult.Ok and var result)
        {
            throw new InvalidOperationException($"llama_decode: {result}");
        }
    }

    private int Take(ReadOnlySpan<float> logits, int sequence)
    {
        if (sequence == 0)
        {
            Logits = logits.ToArray();
        }
        return TensorPrimitives.IndexOfMax(logits);
    }

    public void Dispose()
    {
        _context.Dispose();
        _weights.Dispose();
    }
}
