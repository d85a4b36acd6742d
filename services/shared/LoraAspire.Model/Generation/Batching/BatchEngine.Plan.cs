namespace LoraAspire.Model.Generation.Batching;

/// <summary>What the next step computes.</summary>
public sealed partial class BatchEngine
{
    private readonly record struct Part(Sequence Sequence, SequenceSlice Slice);

    /// <summary>
    /// Every answer in work gets its token, so that no prompt holds it up; what is left of the step's tokens goes to prompts in the order
    /// in which they came, those in work first.
    /// </summary>
    private List<Part> Plan()
    {
        List<Part> plan = [];
        var room = Math.Min(_limits.StepTokens, _executor.MostTokens);
        void Take(Sequence sequence)
        {
            var count = Math.Min(sequence.Left, Math.Max(room, Whole(sequence)));
            room -= count;
            // Several answers to one prompt draw their first token from the same logits.
            plan.Add(new(sequence, sequence.Slice(count, sequence.Request.Forked || sequence.Request.Sequences.Length == 1)));
        }

        // Who gives way is taken from the end of the list.
        for (var i = 0; i < _running.Count && room > 0; i++)
        {
            if (_running[i].Left == 1 && HasRoomFor(_running[i]))
            {
                Take(_running[i]);
            }
        }
        foreach (var sequence in _running.Where(sequence => sequence.Left > 1).TakeWhile(_ => room > 0))
        {
            Take(sequence);
        }
        while (room > 0 && _waiting.Count > 0 && _running.Count < _executor.MostSequences && Admit(_waiting[0]))
        {
            var sequence = _waiting[0];
            _waiting.RemoveAt(0);
            Insert(_running, sequence);
            Take(sequence);
        }
        return plan;
    }

    /// <summary>
    /// With dynamic rope, frequencies depend on how much is read at once: a prompt is read whole, up to what the executor takes beside a
    /// step's usual tokens.
    /// </summary>
    private int Whole(Sequence sequence) =>
        Config.Rope.IsDynamic && sequence.Left + _limits.StepTokens <= _executor.MostTokens ? sequence.Left : 0;

    /// <summary>
    /// Sees to it that the next token has a block: where there is none, the youngest answer gives its own away, and goes on later where it
    /// stopped.
    /// </summary>
    /// <returns>False where it is itself the one to give way.</returns>
    private bool HasRoomFor(Sequence sequence)
    {
        var missing = sequence.Missing(sequence.Length);
        while (missing > _pool.Free)
        {
            var youngest = _running[^1];
            _running.RemoveAt(_running.Count - 1);
            youngest.Release(_pool);
            Insert(_waiting, youngest);
            _preemptions++;
            if (youngest == sequence)
            {
                return false;
            }
        }
        sequence.TakeBlocks(_pool, missing);
        return true;
    }

    /// <summary>Reserves the blocks of all its ids, so that what is begun can be read to its end.</summary>
    private bool Admit(Sequence sequence)
    {
        // The last one is computed in any case: something has to give the logits.
        var found = Config.Rope.IsDynamic ? [] : _pool.Find(sequence.Ids, sequence.Request.Adapter, sequence.Length - 1);
        // A block for each answer in work stays, or the first of them that needs one would have this one put back at once.
        var missing = sequence.Missing(sequence.Length) - found.Count;
        if (missing + _pool.Idle(found) + _running.Count > _pool.Free)
        {
            return false;
        }
        sequence.Start(_pool, found);
        sequence.TakeBlocks(_pool, missing);
        if (!sequence.Request.Started)
        {
            Start(sequence.Request);
            _reusedTokens += sequence.Computed;
        }
        return true;
    }

    private static void Insert(List<Sequence> list, Sequence sequence)
    {
        var at = list.BinarySearch(sequence, Sequence.ByAge);
        list.Insert(~at, sequence);
    }
}
