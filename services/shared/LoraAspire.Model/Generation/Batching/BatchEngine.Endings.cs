namespace LoraAspire.Model.Generation.Batching;

/// <summary>How requests end: all said, failed, left by whoever asked, or with the engine.</summary>
public sealed partial class BatchEngine
{
    private void Fail(IEnumerable<GenerationRequest> requests, Exception error)
    {
        foreach (var request in requests.ToList())
        {
            foreach (var sequence in request.Sequences)
            {
                Remove(sequence);
            }
            End(request, error);
        }
    }

    private void Remove(Sequence sequence)
    {
        sequence.Release(_pool);
        _ = _running.Remove(sequence) || _waiting.Remove(sequence);
    }

    private void End(GenerationRequest request, Exception? error)
    {
        if (!request.Started)
        {
            Start(request);
        }
        if (error is null)
        {
            TakeTime(request);
        }
        request.End(error);
    }

    private void Close()
    {
        Queue<Action> errands;
        lock (_gate)
        {
            errands = new(_errands);
            _errands.Clear();
        }
        foreach (var errand in errands)
        {
            errand();
        }
        try
        {
            _executor.Dispose();
        }
        catch (ModelException)
        {
            // A device that has failed can't be tidied up: whoever asked was told at the step that failed. Thrown on, it would end the
            // process, since this thread is the engine's own.
        }
    }

    private static Exception Worded(Exception error) => error is ModelException ? error
        : new ModelException($"The model failed while it computed: {error.Message}", error);
}
