using System.Diagnostics;
using LoraAspire.Pipelines.Stages;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>
/// The streams that a worker takes orders from: that of its kind, and those of the classes that its largest GPU is enough for. One after
/// the other, each first in its turn, so that none keeps another waiting.
/// </summary>
/// <param name="gpuMemory">GiB of the largest GPU; 0 without.</param>
public sealed class WorkStreams(IDatabase redis, StageKind kind, int gpuMemory, StreamSettings options)
{
    private readonly ConsumerGroup _plain = new(redis, Keys.Work(kind.Name), Keys.WorkerGroup, options);
    private List<ConsumerGroup> _classes = [];
    private int _turn;
    private long? _learned;

    /// <summary>This worker's name, the same on all of them.</summary>
    public string Consumer => _plain.Consumer;

    /// <summary>The next order with the group that it was read in, or null when there is none now.</summary>
    public async Task<(ConsumerGroup Group, Delivery Delivery)?> TryReadAsync()
    {
        await LearnAsync();
        // The turn goes on before the look: where one stream can't be read, the others are read all the same.
        var (first, count) = (_turn++, _classes.Count + 1);
        for (var i = 0; i < count; i++)
        {
            var group = ((first + i) % count) is > 0 and var index ? _classes[index - 1] : _plain;
            if (await group.TryReadAsync() is { } delivery)
            {
                return (group, delivery);
            }
        }
        return null;
    }

    private async Task LearnAsync()
    {
        if (gpuMemory == 0 || (_learned is { } then && Stopwatch.GetElapsedTime(then) < options.LearnClasses))
        {
            return;
        }
        var streams = (await WorkClass.AllAsync(redis)).Where(one => one.Kind == kind.Name && one.GpuMemory <= gpuMemory)
            .Select(one => one.Stream);
        // One that was forgotten since stays forgotten: orders of a class make its stream.
        _classes = [.. streams.Select(stream => _classes.Find(known => known.Stream == stream)
            ?? new ConsumerGroup(redis, stream, Keys.WorkerGroup, options) { Consumer = Consumer, MakesStream = false })];
        _learned = Stopwatch.GetTimestamp();
    }
}
