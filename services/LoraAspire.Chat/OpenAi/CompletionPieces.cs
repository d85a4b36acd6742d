using System.Runtime.CompilerServices;
using System.Threading.Channels;
using LoraAspire.Chat.Models;
using LoraAspire.Model.Generation;

namespace LoraAspire.Chat.OpenAi;

/// <param name="Prompt">Which of the request's prompts it goes on with.</param>
/// <param name="PromptTokens">Of that prompt.</param>
/// <param name="Echo">The prompt, where the answer repeats it and this is its first piece.</param>
internal sealed record CompletionPiece(int Prompt, TextPiece Piece, int PromptTokens, string Echo)
{
    /// <summary>The API's word for how the answer ended; null where it goes on.</summary>
    public string? Finish => Piece.Finish?.ToString().ToLowerInvariant();
}

/// <summary>Goes on with several prompts at a time; their pieces come as they are made.</summary>
internal static class CompletionPieces
{
    /// <summary>Of one request.</summary>
    private const int Together = 8;

    public static async IAsyncEnumerable<CompletionPiece> OfAsync(ModelRunner runner, CompletionRequest request,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var pieces = Channel.CreateUnbounded<CompletionPiece>(new() { SingleReader = true });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = RunAsync(runner, request, pieces.Writer, stop.Token);
        try
        {
            await foreach (var piece in pieces.Reader.ReadAllAsync(cancellationToken))
            {
                yield return piece;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await running;
        }
    }

    private static async Task RunAsync(ModelRunner runner, CompletionRequest request, ChannelWriter<CompletionPiece> pieces,
        CancellationToken cancellationToken)
    {
        var generation = LocalChatClient.Generation(request.Options);
        try
        {
            await Parallel.ForEachAsync(request.Prompts.Index(),
                new ParallelOptions { MaxDegreeOfParallelism = Together, CancellationToken = cancellationToken }, GoOnAsync);
            pieces.Complete();
        }
        catch (Exception error)
        {
            // Whoever reads the pieces is told.
            pieces.Complete(error);
        }

        async ValueTask GoOnAsync((int Index, GivenText Text) prompt, CancellationToken token)
        {
            var echo = "";
            int[] Encode(LocalModel model)
            {
                var ids = prompt.Text.Encode(model.Tokenizer, "prompt");
                echo = request.Echo ? prompt.Text.Words(model.Tokenizer, "prompt") : "";
                request.Options.Prompted?.Invoke(null);
                return ids;
            }
            HashSet<int> begun = [];
            await foreach (var (piece, promptTokens) in runner.StreamAsync(request.Options.ModelId, Encode, generation, token))
            {
                pieces.TryWrite(new(prompt.Index, piece, promptTokens, begun.Add(piece.Choice) ? echo : ""));
            }
        }
    }
}
