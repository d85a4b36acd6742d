using System.Globalization;
using System.Text.RegularExpressions;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>
/// Orders of one kind that need the same of a worker. They stand on a stream of their own, so that a worker reads only what it can do:
/// lora:work:trainer:gpu-40GiB beside lora:work:trainer.
/// </summary>
/// <param name="GpuMemory">Whole GiB of one GPU; 0 of orders that any worker of the kind can do.</param>
public sealed partial record WorkClass(string Kind, int GpuMemory)
{
    /// <summary>Removes a class of which nothing is left. What comes meanwhile comes before or after, never between.</summary>
    private const string Forget = """
        if redis.call('XLEN', KEYS[2]) == 0 then
            redis.call('SREM', KEYS[1], ARGV[1])
            redis.call('DEL', KEYS[2])
        end
        """;

    public string Name => GpuMemory == 0 ? Kind : $"{Kind}:gpu-{GpuMemory}GiB";

    public string Stream => Keys.Work(Name);

    public static WorkClass Of(StageOrder order) => new(order.Kind, order.Needs?.GpuMemory ?? 0);

    /// <summary>Null when it is no name of a class of orders that need something.</summary>
    public static WorkClass? Read(string name) =>
        Form().Match(name) is { Success: true } match && StageKinds.Find(match.Groups[1].Value) is { } kind
            && int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) is >= 1 and <= GpuSize.Most and var size
            ? new(kind.Name, size) : null;

    /// <summary>All that there have been lately, but for those that need nothing.</summary>
    public static async Task<IReadOnlyList<WorkClass>> AllAsync(IDatabase redis) =>
        [.. (await redis.SetMembersAsync(Keys.Classes)).Select(name => Read(name.ToString())).OfType<WorkClass>()
            .OrderBy(one => one.Kind, StringComparer.Ordinal).ThenBy(one => one.GpuMemory)];

    /// <summary>Forgets it where nothing of it waits or is being done.</summary>
    public Task ForgetAsync(IDatabase redis) => redis.ScriptEvaluateAsync(Forget, [Keys.Classes, Stream], [Name]);

    [GeneratedRegex(@"^([a-z\-]{1,40}):gpu-([1-9][0-9]{0,3})GiB\z")]
    private static partial Regex Form();
}
