using LoraAspire.Pipelines.Messages;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>Who computes on a GPU: an attempt at an order, in the hands of a worker. No name of these holds a space.</summary>
public sealed record GpuHolder(string Run, string Stage, int Attempt, string Worker)
{
    public static GpuHolder Of(StageOrder order, string worker) => new(order.Run, order.Stage, order.Attempt, worker);

    /// <summary>What its predecessors' texts begin with: whoever holds the order now may have what its last holder had.</summary>
    internal string Order => $"{Run} {Stage} {Attempt} ";

    public string Text => Order + Worker;

    /// <summary>Of what stands in Redis, where everybody may write; null of what names no run and stage.</summary>
    public static GpuHolder? Read(string text) => text.Split(' ') is [var run, var stage, var attempt, var worker]
        && Pipelines.Identifiers.IsRun(run) && Pipelines.Identifiers.IsStage(stage)
        && int.TryParse(attempt, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number)
            ? new(run, stage, number, worker) : null;

    /// <summary>For people, of what stands in Redis, where everybody may write.</summary>
    public static string Words(string text) => text.Split(' ') is [var run, var stage, _, var worker]
        ? $"stage {Pipelines.Identifiers.Shown(stage)} of run {Pipelines.Identifiers.Shown(run)} ({Pipelines.Identifiers.Shown(worker)})"
        : Pipelines.Identifiers.Shown(text);
}

/// <summary>
/// The right to compute on GPUs: a key each, which goes by itself when it isn't renewed. Several are taken all at once or not at all, so
/// that no two wait for each other.
/// </summary>
public sealed class GpuLease(IDatabase redis, StreamSettings options, GpuHolder holder, IReadOnlyList<string> cards)
{
    // KEYS: the cards. ARGV: holder, what the texts of the same order begin with, milliseconds, how many are wanted.
    private const string Take = """
        local free, taken = {}, { 'taken' }
        for index, key in ipairs(KEYS) do
            local who = redis.pcall('GET', key)
            if type(who) == 'table' then who = 'something else' end
            if not who or string.sub(who, 1, #ARGV[2]) == ARGV[2] then
                table.insert(free, index)
            else
                table.insert(taken, tostring(index))
                table.insert(taken, who)
            end
        end
        if #free < tonumber(ARGV[4]) then return taken end
        local held = { 'held' }
        for i = 1, tonumber(ARGV[4]) do
            redis.call('SET', KEYS[free[i]], ARGV[1], 'PX', ARGV[3])
            table.insert(held, tostring(free[i]))
        end
        return held
        """;

    // One that ran out while Redis was away, and that nobody took, is still ours.
    private const string Renew = """
        for _, key in ipairs(KEYS) do
            local who = redis.call('GET', key)
            if who and who ~= ARGV[1] then return 'lost' end
        end
        for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
        return 'held'
        """;

    private const string Release = """
        for _, key in ipairs(KEYS) do
            if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
        end
        """;

    /// <summary>The driver's names of what is held.</summary>
    public IReadOnlyList<string> Cards => cards;

    private RedisKey[] Held => [.. cards.Select(card => (RedisKey)Keys.Device(card))];

    private long Milliseconds => (long)options.IdleLimit.TotalMilliseconds;

    /// <summary>So many of these cards, or who has those that aren't free.</summary>
    public static async Task<(GpuLease? Lease, IReadOnlyDictionary<string, string> Taken)> TryTakeAsync(
        IDatabase redis, StreamSettings options, GpuHolder holder, IReadOnlyList<string> cards, int count)
    {
        var answer = (string[])(await redis.ScriptEvaluateAsync(Take, [.. cards.Select(card => (RedisKey)Keys.Device(card))],
            [holder.Text, holder.Order, (long)options.IdleLimit.TotalMilliseconds, count]))!;
        string Card(string index) => cards[int.Parse(index, System.Globalization.CultureInfo.InvariantCulture) - 1];
        return answer is ["held", .. var held]
            ? (new GpuLease(redis, options, holder, [.. held.Select(Card)]), new Dictionary<string, string>())
            : (null, answer.Skip(1).Chunk(2).ToDictionary(pair => Card(pair[0]), pair => pair[1]));
    }

    /// <returns><see cref="LeaseState.Lost"/> when somebody else has one of them by now.</returns>
    public async Task<LeaseState> RenewAsync() =>
        (string?)await redis.ScriptEvaluateAsync(Renew, Held, [holder.Text, Milliseconds]) == "held" ? LeaseState.Held : LeaseState.Lost;

    public Task ReleaseAsync() => redis.ScriptEvaluateAsync(Release, Held, [holder.Text]);
}
