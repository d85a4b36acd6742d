namespace LoraAspire.Model.Generation.Batching;

/// <summary>The thread: takes what came, plans a step, runs it, hands out what it gave. Only <see cref="Dispose"/> ends it.</summary>
public sealed partial class BatchEngine
{
    private const string Unloaded = "The model was unloaded.";
    private const string AdapterUnloaded = "The adapter was unloaded.";

    private readonly BlockPool _pool;
    private readonly SamplingBuffers _buffers = new();
    private readonly List<Sequence> _running = []; // oldest first, as those that wait
    private readonly List<Sequence> _waiting = [];

    private IEnumerable<GenerationRequest> Requests => _running.Concat(_waiting).Select(sequence => sequence.Request).Distinct();

    private void Loop()
    {
        while (Await())
        {
            try
            {
                RemoveThoseWhoLeft();
                Tally();
                RunErrands();
                if (_running.Count + _waiting.Count > 0)
                {
                    Step();
                }
            }
            catch (Exception error)
            {
                // A fault of this code: nobody knows which texts it touched.
                Fail(Requests, Worded(error));
                _pool.ForgetAll(_ => true);
            }
            Tally();
        }
        Fail(Requests, new ModelException(Unloaded));
        Close();
    }

    /// <summary>Sleeps while there is nothing to do.</summary>
    /// <returns>False when the engine closes.</returns>
    private bool Await()
    {
        lock (_gate)
        {
            while (!_closing && !_left && _arrived.Count == 0 && _errands.Count == 0 && _running.Count + _waiting.Count == 0)
            {
                Monitor.Wait(_gate);
            }
            TakeArrivals();
            return !_closing;
        }
    }

    /// <summary>Under the lock.</summary>
    private void TakeArrivals()
    {
        while (_arrived.TryDequeue(out var request))
        {
            Insert(_waiting, request.Sequences[0]);
            _promptTokens += request.Prompt.Count;
        }
    }

    private void RunErrands()
    {
        while (true)
        {
            Action? errand;
            lock (_gate)
            {
                if (!_errands.TryDequeue(out errand))
                {
                    return;
                }
            }
            errand();
        }
    }

    private void RemoveThoseWhoLeft()
    {
        lock (_gate)
        {
            if (!_left)
            {
                return;
            }
            _left = false;
        }
        Fail(Requests.Where(request => request.Left), new OperationCanceledException());
    }

    /// <summary>One step: what it has to compute is planned, computed, and its tokens drawn.</summary>
    private void Step()
    {
        var plan = Plan();
        if (plan.Count == 0)
        {
            throw new InvalidOperationException("There are requests, but no step for any of them.");
        }
        StepResults results;
        try
        {
            results = _executor.Run([.. plan.Select(part => part.Slice)]);
        }
        catch (Exception error)
        {
            Fail([.. plan.Select(part => part.Sequence.Request).Distinct()], Worded(error));
            return;
        }
        _steps++;
        foreach (var (i, part) in plan.Index())
        {
            if (part.Sequence.Request.Ended)
            {
                continue; // failed with another answer to its prompt
            }
            try
            {
                part.Sequence.Advance(part.Slice.Ids.Length, _pool);
                if (part.Slice.WantsLogits)
                {
                    Draw(part.Sequence, results, i);
                }
            }
            catch (Exception error)
            {
                Fail([part.Sequence.Request], Worded(error));
            }
        }
    }

    private void Draw(Sequence sequence, StepResults results, int slice)
    {
        var request = sequence.Request;
        // The answers to one prompt part here: each draws its first token from the same logits.
        foreach (var one in request.Forked ? [sequence] : request.Sequences)
        {
            var id = results.Drawn(slice) ?? one.Sampler.Next(results.Logits(slice), one.Answered, _buffers);
            var logprob = request.Options.TopLogprobs is { } top ? Logprobs.Of(id, results.Logits(slice), top, _tokenizer) : null;
            one.Add(id, logprob);
            _answerTokens++;
            if (one.Ended)
            {
                Remove(one);
            }
            else if (one != sequence)
            {
                Insert(_waiting, one); // finds the prompt's full blocks in the pool
            }
        }
        request.Forked = true;
        if (request.Sequences.All(one => one.Ended))
        {
            End(request, null);
        }
    }
}
