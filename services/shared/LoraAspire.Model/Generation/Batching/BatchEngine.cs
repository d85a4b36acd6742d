using System.Runtime.CompilerServices;
using LoraAspire.Model.Network;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>
/// Answers many requests with one network: each step computes a token of every answer in work and a stretch of the prompts that came
/// (continuous batching, Yu et al. 2022), over a cache in blocks (PagedAttention, Kwon et al. 2023). Requests join and leave between steps.
/// One thread of its own does it; whoever asks only reads.
/// </summary>
/// <remarks>Here is what callers do; what the thread does is in the other files of this class.</remarks>
public sealed partial class BatchEngine : IDisposable
{
    private readonly StepExecutor _executor;
    private readonly HfTokenizer _tokenizer;
    private readonly EngineLimits _limits;
    private readonly Thread _thread;

    // What callers and the thread share, under the lock.
    private readonly object _gate = new();
    private readonly Queue<GenerationRequest> _arrived = [];
    private readonly Queue<Action> _errands = [];
    private readonly HashSet<int> _adapters = [-1];
    private bool _left, _closing;
    private int _queued;
    private long _requests;

    /// <param name="executor">Is the engine's from now on, and goes with it.</param>
    public BatchEngine(StepExecutor executor, HfTokenizer tokenizer, EngineLimits? limits = null)
    {
        (_executor, _tokenizer, _limits) = (executor, tokenizer, limits ?? new());
        _pool = new BlockPool(executor.Blocks);
        _thread = new Thread(Loop) { IsBackground = true, Name = "lora engine" };
        _thread.Start();
        EngineMeter.Add(this);
    }

    public ModelConfig Config => _executor.Config;

    /// <inheritdoc cref="StepExecutor.Description"/>
    public string Description => _executor.Description;

    /// <summary>Tokens that prompt and answer have together at most: the model's context, or what the cache holds.</summary>
    public int Longest => (int)Math.Min(Config.Context, (long)_executor.Blocks * StepExecutor.BlockSize);

    /// <summary>The answers to a prompt in pieces, each as soon as it is certain; those of several answers as they are made.</summary>
    /// <param name="endIds">Tokens that end an answer.</param>
    /// <param name="adapter">Of <see cref="AddAdapterAsync"/>, or -1 for the base alone.</param>
    /// <exception cref="ModelException">The prompt is empty or leaves no room for an answer; or the network failed.</exception>
    /// <exception cref="QueueFullException">Too many wait already.</exception>
    public async IAsyncEnumerable<TextPiece> StreamAsync(IReadOnlyList<int> prompt, GenerationOptions options, IReadOnlySet<int> endIds,
        int adapter = -1, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (options.MaxNewTokens < 1)
        {
            for (var choice = 0; choice < options.Choices; choice++)
            {
                yield return new TextPiece("", 0, FinishReason.Length) { Choice = choice };
            }
            yield break;
        }
        var request = Submit(prompt, options, endIds, adapter);
        using var leaving = cancellationToken.Register(() => Leave(request));
        try
        {
            await foreach (var piece in request.Pieces.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return piece;
            }
        }
        finally
        {
            Leave(request);
        }
    }

    /// <summary>Does something with the executor between two steps.</summary>
    public Task<T> BetweenStepsAsync<T>(Func<StepExecutor, T> use)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closing, this);
            _errands.Enqueue(() =>
            {
                try
                {
                    done.SetResult(use(_executor));
                }
                catch (Exception error)
                {
                    done.SetException(error);
                }
            });
            Monitor.Pulse(_gate);
        }
        return done.Task;
    }

    /// <summary>Makes an adapter usable; see <see cref="StepExecutor.AddAdapter"/>.</summary>
    public Task<int> AddAdapterAsync(Adapters.Adapter adapter) => BetweenStepsAsync(executor =>
    {
        var added = executor.AddAdapter(adapter);
        lock (_gate)
        {
            _adapters.Add(added);
        }
        return added;
    });

    /// <summary>Frees an adapter; requests that use it fail in words.</summary>
    public void RemoveAdapter(int adapter)
    {
        try
        {
            BetweenStepsAsync(executor => Remove(executor, adapter)).GetAwaiter().GetResult();
        }
        catch (ObjectDisposedException)
        {
            // It went with the engine.
        }
        catch (ModelException)
        {
            // The device has failed, and can't even free it: its requests were told, and nobody is served by it any more.
        }
    }

    private int Remove(StepExecutor executor, int adapter)
    {
        lock (_gate)
        {
            _adapters.Remove(adapter);
            TakeArrivals();
        }
        Fail(Requests.Where(request => request.Adapter == adapter), new ModelException(AdapterUnloaded));
        _pool.ForgetAll(block => block.Adapter == adapter);
        executor.RemoveAdapter(adapter);
        return adapter;
    }

    /// <summary>Requests that are not done fail in words; waits for the step in work.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _closing = true;
            Monitor.Pulse(_gate);
        }
        _thread.Join();
        EngineMeter.Remove(this);
    }

    private GenerationRequest Submit(IReadOnlyList<int> prompt, GenerationOptions options, IReadOnlySet<int> endIds,
        int adapter)
    {
        if (prompt.Count == 0 || prompt.Count >= Longest)
        {
            throw new ModelException($"The prompt has {prompt.Count} tokens; this model takes 1 to {Longest - 1}.");
        }
        if (prompt.Where(id => (uint)id >= (uint)Config.VocabSize).Select(id => (int?)id).FirstOrDefault() is { } foreign)
        {
            throw new ModelException($"{foreign} is no token of this model, which has {Config.VocabSize}.");
        }
        var request = new GenerationRequest(Interlocked.Increment(ref _requests), prompt, options, endIds, adapter,
            prompt.Count + Math.Min(options.MaxNewTokens, Longest - prompt.Count));
        request.Sequences = [.. Enumerable.Range(0, Math.Max(1, options.Choices))
            .Select(choice => new Sequence(request, choice, _tokenizer))];
        lock (_gate)
        {
            if (_closing)
            {
                throw new ModelException(Unloaded);
            }
            if (!_adapters.Contains(adapter))
            {
                throw new ModelException(AdapterUnloaded);
            }
            if (_queued >= _limits.Queue)
            {
                throw new QueueFullException($"{_queued} requests wait for this model, as many as may. Ask again later.", RetryAfter());
            }
            _queued++;
            _arrived.Enqueue(request);
            Monitor.Pulse(_gate);
        }
        return request;
    }

    private void Leave(GenerationRequest request)
    {
        if (request.Ended)
        {
            return;
        }
        request.Leave();
        lock (_gate)
        {
            _left = true;
            Monitor.Pulse(_gate);
        }
    }
}
