using System.Globalization;
using LoraAspire.ChatClients;
using LoraAspire.ChatClients.Parsing;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.AI;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// Asks, reads, checks, keeps, and asks again for what is missing. What was accepted once comes from the cache, and then nothing is sent.
/// </summary>
internal sealed class Writer(WriterParams with, KeyPieces key, ChatRequests requests, ItemCache cache, Action<string> say)
{
    /// <summary>High enough that asking again gives other items; part of the cache's digest.</summary>
    public const float Temperature = 0.8f;

    private const int LongestAnswer = 200_000;

    /// <summary>Exactly as many items as the assignment wants: the first in the cache, which a rerun finds there as well.</summary>
    /// <exception cref="StageException">Too few when the budget was spent, or the model can't be asked.</exception>
    public async Task<IReadOnlyList<T>> WriteAsync<T>(Assignment<T> assignment, CancellationToken cancellationToken) where T : class
    {
        var digest = ItemCache.KeyOf(
            assignment.System(bySchema: false), assignment.Task, with.Model,
            Temperature.ToString(CultureInfo.InvariantCulture));
        // A server may send back the header that it got.
        var secret = key.Except(assignment.System(bySchema: false) + " " + assignment.Task);
        DropReasons dropped = new();
        // By today's rules: one that was added since counts for what stands in the cache too.
        var accepted = Accepted(await cache.ReadAsync<T>(digest, say, cancellationToken), [], dropped.Add);
        if (accepted.Count > 0)
        {
            say($"writer, {assignment.Name}: {Math.Min(accepted.Count, assignment.Count)} of {assignment.Count} from the cache");
        }
        while (accepted.Count < assignment.Count)
        {
            var missing = Math.Min(assignment.Count - accepted.Count, assignment.AtOnce);
            ChatAsk ask = new(assignment.System, assignment.Task + "\n" + assignment.Ask(missing, accepted), assignment.Format);
            var response = await requests.AskAsync(ask, cancellationToken);
            if (response is null)
            {
                throw new StageException(
                    $"The chat model '{with.Model}' wrote {accepted.Count} of {assignment.Count} items for {assignment.Name} "
                    + $"before the writer's requests were used up. Dropped: {dropped}. What was accepted is kept: run again to go on from "
                    + "there; or raise writer.max_requests, ask for fewer (written), or choose a stronger model.");
            }
            var all = Accepted(Read(response, assignment, dropped.Add), accepted, dropped.Add);
            if (all.Count > accepted.Count)
            {
                // Other runs may have added to the cache, and the order is the cache's.
                accepted = Accepted(await cache.AddAsync(digest, all, assignment.Key, say, cancellationToken), [], _ => { });
            }
            say($"writer, {assignment.Name}: accepted {Math.Min(accepted.Count, assignment.Count)} of {assignment.Count}, "
                + $"request {requests.Sent}; dropped so far: {dropped}");
        }
        return [.. accepted.Take(assignment.Count)];

        // Those that pass the rules and repeat none before, behind those that were accepted already.
        List<T> Accepted(IReadOnlyList<T> items, List<T> before, Action<string> drop)
        {
            var seen = assignment.ExampleKeys.Concat(before.Select(assignment.Key)).ToHashSet();
            List<T> all = [.. before];
            foreach (var item in items)
            {
                var problem = secret.AreIn(assignment.Key(item)) ? "holds the key" : assignment.Problem(item);
                problem ??= seen.Add(assignment.Key(item)) ? null : "a repetition";
                if (problem is null)
                {
                    all.Add(item);
                }
                else
                {
                    drop(problem);
                }
            }
            return all;
        }
    }

    private static IReadOnlyList<T> Read<T>(ChatResponse response, Assignment<T> assignment, Action<string> drop) where T : class
    {
        var text = ReadAnswer.WithoutThinking(response.Text);
        // Not within a character.
        var longest = text.Length > LongestAnswer && char.IsHighSurrogate(text[LongestAnswer - 1]) ? LongestAnswer - 1 : LongestAnswer;
        var (items, dropped) = assignment.Read(text.Length <= longest ? text : text[..longest],
            response.FinishReason == ChatFinishReason.Length || text.Length > LongestAnswer);
        foreach (var reason in dropped)
        {
            drop(reason);
        }
        if (items.Count == 0)
        {
            drop(text.Length == 0 ? "an empty answer or a refusal" : "an answer without any item");
        }
        return items;
    }
}
