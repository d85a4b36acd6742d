using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace LoraAspire.Benchmarks;

/// <summary>Hears the metric of the hand-over, in milliseconds.</summary>
internal sealed class HandOver : IDisposable
{
    private readonly MeterListener _listener = new();
    private ConcurrentBag<double> _heard = [];

    public HandOver()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "lora.handover.duration")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<double>((_, value, _, _) => _heard.Add(value * 1000));
        _listener.Start();
    }

    public IReadOnlyList<double> Take() => [.. Interlocked.Exchange(ref _heard, [])];

    public void Dispose() => _listener.Dispose();
}
