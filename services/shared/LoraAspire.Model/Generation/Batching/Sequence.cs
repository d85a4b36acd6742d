using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>One answer in work: its ids so far, how far the network has read them, and where their keys and values lie.</summary>
internal sealed class Sequence(GenerationRequest request, int choice, HfTokenizer tokenizer)
{
    private readonly int _choice = choice;
    private readonly TextStream _text = new(tokenizer, request.Prompt, request.Options.Stop);
    private readonly List<TokenLogprob> _untold = [];
    private readonly List<KnownBlock> _known = []; // of the first blocks, in order
    private int[] _ids = [.. request.Prompt, .. new int[Math.Min(request.Longest - request.Prompt.Count, StepExecutor.BlockSize)]];
    private int[] _blocks = [];
    private bool _unknowable;

    public GenerationRequest Request { get; } = request;
    public TokenSampler Sampler { get; } = new(request.Options, request.Seed, choice, request.Prompt);

    /// <summary>Ids of prompt and answer that there are.</summary>
    public int Length { get; private set; } = request.Prompt.Count;

    /// <summary>Leading ids whose keys and values are in the cache.</summary>
    public int Computed { get; private set; }

    /// <summary>Ids that a step has to compute before the next one can be drawn.</summary>
    public int Left => Length - Computed;

    public int Blocks { get; private set; }

    /// <summary>Tokens of the answer so far.</summary>
    public int Answered => Length - Request.Prompt.Count;

    /// <summary>Its last piece has been handed over.</summary>
    public bool Ended { get; private set; }

    /// <summary>Older requests come first, and of one request the first answers.</summary>
    public static readonly Comparer<Sequence> ByAge = Comparer<Sequence>.Create((x, y) =>
        (x.Request.Number, x._choice).CompareTo((y.Request.Number, y._choice)));

    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, Length);

    /// <param name="draws">The executor may draw where nothing here has to see the logits.</param>
    public SequenceSlice Slice(int count, bool draws)
    {
        var last = Computed + count == Length;
        return new(_ids.AsMemory(Computed, count), Computed, _blocks.AsMemory(0, Blocks), last, Request.Adapter,
            last && draws && !Sampler.NeedsLogits ? Sampler.Draw(Answered) : null);
    }

    /// <summary>Begins with blocks that others have filled.</summary>
    public void Start(BlockPool pool, IReadOnlyList<KnownBlock> found)
    {
        foreach (var block in found)
        {
            pool.Use(block);
            Append(block.Index);
            _known.Add(block);
        }
        Computed = Blocks * StepExecutor.BlockSize;
    }

    /// <summary>Blocks it takes beyond those it has until so many ids are in the cache.</summary>
    public int Missing(int ids) => Math.Max(0, ((ids + StepExecutor.BlockSize - 1) / StepExecutor.BlockSize) - Blocks);

    public void TakeBlocks(BlockPool pool, int count)
    {
        for (; count > 0; count--)
        {
            Append(pool.Take());
        }
    }

    /// <summary>So many ids more are in the cache; what is full may be found by others.</summary>
    public void Advance(int count, BlockPool pool)
    {
        Computed += count;
        while (!_unknowable && (_known.Count + 1) * StepExecutor.BlockSize <= Computed)
        {
            var at = _known.Count;
            var ids = _ids.AsSpan(at * StepExecutor.BlockSize, StepExecutor.BlockSize);
            if (pool.Know(_blocks[at], at == 0 ? null : _known[^1], Request.Adapter, ids) is { } known)
            {
                _blocks[at] = known.Index;
                _known.Add(known);
            }
            else
            {
                _unknowable = true;
            }
        }
    }

    /// <summary>Gives all blocks back; what was in them is computed again, if it isn't found then.</summary>
    public void Release(BlockPool pool)
    {
        pool.Release(_blocks.AsSpan(0, Blocks));
        (Blocks, Computed, _unknowable) = (0, 0, false);
        _known.Clear();
    }

    /// <summary>Takes the token that was drawn, and hands over the text that is certain now.</summary>
    public void Add(int id, TokenLogprob? logprob)
    {
        if (Request.EndIds.Contains(id))
        {
            End(_text.Flush(), FinishReason.Stop);
            return;
        }
        if (Length == _ids.Length)
        {
            Array.Resize(ref _ids, Math.Min(Request.Longest, 2 * _ids.Length));
        }
        _ids[Length++] = id;
        Sampler.Accept(id);
        if (logprob is not null)
        {
            _untold.Add(logprob);
        }
        var text = tokenizer.Knows(id) ? _text.Add(id) : ""; // heads are often wider than the vocabulary; such an id says nothing
        if (_text.Stopped)
        {
            End(text, FinishReason.Stop);
        }
        else if (Sampler.IsComplete || Length == Request.Longest)
        {
            text += _text.Flush();
            End(text, Sampler.IsComplete || _text.Stopped ? FinishReason.Stop : FinishReason.Length);
        }
        else if (text.Length > 0)
        {
            Tell(text, null);
        }
    }

    private void End(string text, FinishReason finish)
    {
        Ended = true;
        Tell(text, finish);
    }

    private void Tell(string text, FinishReason? finish)
    {
        Request.Tell(new TextPiece(text, Answered, finish) { Choice = _choice, Logprobs = [.. _untold] });
        _untold.Clear();
    }

    private void Append(int block)
    {
        if (Blocks == _blocks.Length)
        {
            Array.Resize(ref _blocks, Math.Max(8, 2 * _blocks.Length));
        }
        _blocks[Blocks++] = block;
    }
}
