using System.Globalization;
using LoraAspire.DataBuild.Written.Parsing;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.AI;

namespace LoraAspire.DataBuild.Written;

/// <summary>Asks, reads, checks, keeps, and asks again for what is missing. What was accepted once comes from the cache, and then nothing is sent.</summary>
internal sealed class Writer(WriterParams with, KeyPieces key, WriterRequests requests, ItemCache cache, Action<string> say)
{
    private const int LongestAnswer = 200_000;

    /// <summary>Exactly as many items as the assignment wants: the first in the cache, which a rerun finds there as well.</summary>
    /// <exception cref="StageException">Too few when the budget was spent, or the model can't be asked.</exception>
    public async Task<IReadOnlyList<T>> WriteAsync<T>(Assignment<T> assignment, CancellationToken cancellationToken)
    {
        var digest = ItemCache.KeyOf(assignment.System, assignment.Task, with.Model, WriterPrompt.Temperature.ToString(CultureInfo.InvariantCulture));
        Sieve<T> sieve = new(assignment, key);
        foreach (var item in await cache.ReadAsync<T>(digest, say, cancellationToken))
        {
            // By today's rules: a rule that was added since counts for these too.
            sieve.Offer(item);
        }
        if (sieve.Accepted.Count > 0)
        {
            say($"writer, {assignment.Name}: {Math.Min(sieve.Accepted.Count, assignment.Count)} of {assignment.Count} from the cache");
        }
        while (sieve.Accepted.Count < assignment.Count)
        {
            var missing = Math.Min(assignment.Count - sieve.Accepted.Count, assignment.AtOnce);
            var response = requests.Spent ? null : await requests.AskAsync(assignment.System, assignment.Task + "\n" + assignment.Ask(missing, sieve.Accepted), cancellationToken);
            if (response is null)
            {
                throw TooFew(assignment, sieve);
            }
            var before = sieve.Accepted.Count;
            Take(response, assignment, sieve);
            if (sieve.Accepted.Count > before)
            {
                sieve.Adopt(await cache.AddAsync(digest, sieve.Accepted, assignment.Key, say, cancellationToken));
            }
            say($"writer, {assignment.Name}: accepted {Math.Min(sieve.Accepted.Count, assignment.Count)} of {assignment.Count}, request {requests.Sent}; dropped so far: {sieve.Reasons}");
        }
        return [.. sieve.Accepted.Take(assignment.Count)];
    }

    private static void Take<T>(ChatResponse response, Assignment<T> assignment, Sieve<T> sieve)
    {
        var text = Thinking.Remove(response.Text);
        // Not within a character.
        var longest = text.Length > LongestAnswer && char.IsHighSurrogate(text[LongestAnswer - 1]) ? LongestAnswer - 1 : LongestAnswer;
        var answer = assignment.Read(text.Length <= longest ? text : text[..longest], response.FinishReason == ChatFinishReason.Length || text.Length > LongestAnswer);
        foreach (var reason in answer.Dropped)
        {
            sieve.Drop(reason);
        }
        foreach (var item in answer.Items)
        {
            sieve.Offer(item);
        }
        if (answer.Items.Count == 0)
        {
            sieve.Drop(text.Length == 0 ? "an empty answer or a refusal" : "an answer without any item");
        }
    }

    private StageException TooFew<T>(Assignment<T> assignment, Sieve<T> sieve) => new(
        $"The chat model '{with.Model}' wrote {sieve.Accepted.Count} of {assignment.Count} items for {assignment.Name} before the writer's requests were used up. Dropped: {sieve.Reasons}. "
        + "What was accepted is kept: run again to go on from there; or raise writer.max_requests, ask for fewer (written), or choose a stronger model.");
}
