using System.Runtime.CompilerServices;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Generation.Batching;

namespace LoraAspire.Chat.Models;

/// <summary>Finds the model that a request names, holds it in memory while the request lasts, and hands over the pieces.</summary>
public sealed class ModelRunner(ModelCatalog catalog, ModelPool pool)
{
    /// <exception cref="RequestException">No such model, a bias for no token of it, or a prompt that leaves no room for an
    /// answer.</exception>
    /// <exception cref="QueueFullException">Too many wait for this model already.</exception>
    public async IAsyncEnumerable<(TextPiece Piece, int PromptTokens)> StreamAsync(
        string? modelId, Func<LocalModel, int[]> prompt, GenerationOptions options,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var served = Find(modelId);
        using var lease = await RentAsync(served, cancellationToken);
        LocalChatClient.RequireKnown(options.LogitBias.Keys, lease.Model.Tokenizer.VocabSize, "logit_bias");
        var ids = prompt(lease.Model);
        if (ids.Length >= lease.Model.Context)
        {
            throw new RequestException($"The prompt has {ids.Length} tokens, but the context of {served.Id} is {lease.Model.Context}, "
                + "prompt and answer together. Shorten it.", "messages", "context_length_exceeded");
        }
        await foreach (var piece in lease.Model.StreamAsync(ids, options, cancellationToken))
        {
            yield return (piece, ids.Length);
        }
    }

    /// <summary>What a model says of itself: tokens of a text, an embedding.</summary>
    /// <exception cref="RequestException">No such model.</exception>
    public async Task<T> UseAsync<T>(string? modelId, Func<LocalModel, T> use, CancellationToken cancellationToken)
    {
        using var lease = await RentAsync(Find(modelId), cancellationToken);
        return await Task.Run(() => use(lease.Model), cancellationToken);
    }

    private async Task<ModelLease> RentAsync(ServedModel served, CancellationToken cancellationToken)
    {
        await Task.Run(() => catalog.Verify(served, cancellationToken), cancellationToken);
        return await pool.RentAsync(served.Source, cancellationToken);
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
