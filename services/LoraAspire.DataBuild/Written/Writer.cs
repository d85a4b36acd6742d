using System.Globalization;
using LoraAspire.DataBuild.Written.Parsing;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.AI;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// Asks, reads, checks, keeps, and asks again for what is missing. What was accepted once comes from the cache, and then nothing is sent.
/// </summary>
internal sealed class Writer(WriterParams with, KeyPieces key, WriterRequests requests, ItemCache cache, Action<string> say)
{
    private const int LongestAnswer = 200_000;

    /// <summary>Exactly as many items as the assignment wants: the first in the cache, which a rerun finds there as well.</summary>
    /// <exception cref="StageException">Too few when the budget was spent, or the model can't be asked.</exception>
    public async Task<IReadOnlyList<T>> WriteAsync<T>(Assignment<T> assignment, CancellationToken cancellationToken) where T : class
    {
        var digest = ItemCache.KeyOf(
            assignment.System(bySchema: false), assignment.Task, with.Model,
            WriterRequests.Temperature.ToString(CultureInfo.InvariantCulture));
        AcceptedItems<T> items = new(assignment, key);
        foreach (var item in await cache.ReadAsync<T>(digest, say, cancellationToken))
        {
            // By today's rules: a rule that was added since counts for these too.
            items.Offer(item);
        }
        if (items.Accepted.Count > 0)
        {
            say($"writer, {assignment.Name}: {Math.Min(items.Accepted.Count, assignment.Count)} of {assignment.Count} from the cache");
        }
        while (items.Accepted.Count < assignment.Count)
        {
            var missing = Math.Min(assignment.Count - items.Accepted.Count, assignment.AtOnce);
            var response = requests.Spent ? null
                : await requests.AskAsync(assignment, assignment.Ask(missing, items.Accepted), cancellationToken);
            if (response is null)
            {
                throw TooFew(assignment, items);
            }
            var before = items.Accepted.Count;
            Take(response, assignment, items);
            if (items.Accepted.Count > before)
            {
                items.Adopt(await cache.AddAsync(digest, items.Accepted, assignment.Key, say, cancellationToken));
            }
            say($"writer, {assignment.Name}: accepted {Math.Min(items.Accepted.Count, assignment.Count)} of {assignment.Count}, "
                + $"request {requests.Sent}; dropped so far: {items.Reasons}");
        }
        return [.. items.Accepted.Take(assignment.Count)];
    }

    private static void Take<T>(ChatResponse response, Assignment<T> assignment, AcceptedItems<T> items) where T : class
    {
        var text = ReadAnswer.WithoutThinking(response.Text);
        // Not within a character.
        var longest = text.Length > LongestAnswer && char.IsHighSurrogate(text[LongestAnswer - 1]) ? LongestAnswer - 1 : LongestAnswer;
        var answer = assignment.Read(text.Length <= longest ? text : text[..longest],
            response.FinishReason == ChatFinishReason.Length || text.Length > LongestAnswer);
        foreach (var reason in answer.Dropped)
        {
            items.Drop(reason);
        }
        foreach (var item in answer.Items)
        {
            items.Offer(item);
        }
        if (answer.Items.Count == 0)
        {
            items.Drop(text.Length == 0 ? "an empty answer or a refusal" : "an answer without any item");
        }
    }

    private StageException TooFew<T>(Assignment<T> assignment, AcceptedItems<T> items) where T : class => new(
        $"The chat model '{with.Model}' wrote {items.Accepted.Count} of {assignment.Count} items for {assignment.Name} "
        + $"before the writer's requests were used up. Dropped: {items.Reasons}. "
        + "What was accepted is kept: run again to go on from there; or raise writer.max_requests, ask for fewer (written), or choose a "
        + "stronger model.");
}
