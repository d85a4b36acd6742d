using System.Runtime.CompilerServices;
using System.Threading.Channels;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Model.Generation;

namespace LoraAspire.Chat.Models;

/// <summary>Runs generations away from the request's thread and hands their pieces over as they come.</summary>
public sealed class ModelRunner(ModelCatalog catalog, ModelPool pool)
{
    /// <exception cref="RequestException">No such model, or a prompt that leaves no room for an answer.</exception>
    public async IAsyncEnumerable<(TextPiece Piece, int PromptTokens)> StreamAsync(
        string? modelId, Func<LocalModel, int[]> prompt, GenerationOptions options,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var served = Find(modelId);
        await Task.Run(() => catalog.Verify(served, cancellationToken), cancellationToken);
        using var lease = await pool.RentAsync(served.Folder, cancellationToken);
        var ids = prompt(lease.Model);
        if (ids.Length >= lease.Model.Context)
        {
            throw new RequestException($"The prompt has {ids.Length} tokens, but the context of {served.Id} is {lease.Model.Context}, "
                + "prompt and answer together. Shorten it.", "messages", "context_length_exceeded");
        }
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pieces = Channel.CreateUnbounded<TextPiece>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        var generating = Task.Run(() =>
        {
            foreach (var piece in lease.Model.Stream(ids, options, stop.Token))
            {
                pieces.Writer.TryWrite(piece);
            }
        }, CancellationToken.None).ContinueWith(done => pieces.Writer.TryComplete(done.Exception?.InnerException), TaskScheduler.Default);
        try
        {
            await foreach (var piece in pieces.Reader.ReadAllAsync(cancellationToken))
            {
                yield return (piece, ids.Length);
            }
        }
        finally
        {
            // The reader may leave early; the model is not given back before its thread has let go of it.
            await stop.CancelAsync();
            await generating;
        }
    }

    /// <summary>What a model says of itself: tokens of a text, an embedding.</summary>
    /// <exception cref="RequestException">No such model.</exception>
    public async Task<T> UseAsync<T>(string? modelId, Func<LocalModel, T> use, CancellationToken cancellationToken)
    {
        var served = Find(modelId);
        await Task.Run(() => catalog.Verify(served, cancellationToken), cancellationToken);
        using var lease = await pool.RentAsync(served.Folder, cancellationToken);
        return await Task.Run(() => use(lease.Model), cancellationToken);
    }

    private ServedModel Find(string? id)
    {
        if (string.IsNullOrEmpty(id))
        {
            throw new RequestException("No model is named: GET /v1/models lists them.", "model");
        }
        return catalog.Find(id) ?? throw new RequestException(
            $"The model '{id}' does not exist. There are: {string.Join(", ", catalog.List().Select(model => model.Id))}.", "model",
            "model_not_found", StatusCodes.Status404NotFound);
    }
}
