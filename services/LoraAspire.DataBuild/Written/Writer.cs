using LoraAspire.ChatClients;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// Asks, reads, checks, keeps, and asks again for what is missing. What was accepted once comes from the cache, and then nothing is sent.
/// </summary>
internal sealed class Writer(ChatSession session)
{
    /// <summary>High enough that asking again gives other items.</summary>
    public const float Temperature = 0.8f;

    /// <summary>Exactly as many items as the assignment wants: the first in the cache, which a rerun finds there as well.</summary>
    /// <exception cref="StageException">Too few when the budget was spent, or the model can't be asked.</exception>
    public async Task<IReadOnlyList<T>> WriteAsync<T>(Assignment<T> assignment, CancellationToken cancellationToken) where T : class
    {
        ChatAsk ask = new(assignment.System, assignment.Task, assignment.Format);
        var (digest, secret) = (session.DigestOf(ask), session.SecretOf(ask));
        DropReasons dropped = new();
        // By today's rules: one that was added since counts for what stands in the cache too.
        var accepted = Accepted(await session.Cache.ReadAsync<T>(digest, cancellationToken), [], dropped.Add);
        if (accepted.Count > 0)
        {
            session.Say($"writer, {assignment.Name}: {Math.Min(accepted.Count, assignment.Count)} of {assignment.Count} from the cache");
        }
        while (accepted.Count < assignment.Count)
        {
            var more = assignment.Ask(Math.Min(assignment.Count - accepted.Count, assignment.AtOnce), accepted);
            var answer = await session.Requests.AskAsync(ask with { Task = $"{ask.Task}\n{more}" }, cancellationToken)
                ?? throw new StageException(
                    $"The chat model '{session.Model}' wrote {accepted.Count} of {assignment.Count} items for {assignment.Name} "
                    + $"before the writer's requests were used up. Dropped: {dropped}. What was accepted is kept: run again to go on from "
                    + "there; or raise writer.max_requests, ask for fewer (written), or choose a stronger model.");
            var (items, unread) = assignment.Read(answer.Text, answer.IsCutOff);
            unread.ToList().ForEach(dropped.Add);
            if (items.Count == 0)
            {
                dropped.Add(answer.Text.Length == 0 ? "an empty answer or a refusal" : "an answer without any item");
            }
            var all = Accepted(items, accepted, dropped.Add);
            if (all.Count > accepted.Count)
            {
                // Other runs may have added to the cache, and the order is the cache's.
                accepted = Accepted(await session.Cache.AddAsync(digest, all, assignment.Key, cancellationToken), [], _ => { });
            }
            session.Say($"writer, {assignment.Name}: accepted {Math.Min(accepted.Count, assignment.Count)} of {assignment.Count}, "
                + $"request {session.Requests.Sent}; dropped so far: {dropped}");
        }
        return [.. accepted.Take(assignment.Count)];

        // Those that pass the rules and repeat none before, behind those that were accepted already.
        List<T> Accepted(IReadOnlyList<T> items, List<T> before, Action<string> drop)
        {
            var seen = assignment.ExampleKeys.Concat(before.Select(assignment.Key)).ToHashSet();
            string? Problem(T item) => secret.AreIn(assignment.Key(item)) ? "holds the key"
                : assignment.Problem(item) ?? (seen.Add(assignment.Key(item)) ? null : "a repetition");
            var checkedItems = items.Select(item => (Item: item, Problem: Problem(item))).ToList();
            checkedItems.Select(one => one.Problem).OfType<string>().ToList().ForEach(drop);
            return [.. before, .. checkedItems.Where(one => one.Problem is null).Select(one => one.Item)];
        }
    }
}
