using System.Globalization;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Terminal;

namespace LoraAspire.Runtime.Hosting;

/// <summary>Progress as lines on standard error: each message, and counts about once a second.</summary>
internal sealed class TerminalProgress(TimeProvider clock) : IProgress<StageProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private long? _told;

    public void Report(StageProgress value)
    {
        if (value.Message is not null)
        {
            Console.Error.WriteLine(value.Message);
        }
        else if (_told is not { } told || clock.GetElapsedTime(told) >= Interval || (value.Total > 0 && value.Done == value.Total))
        {
            _told = clock.GetTimestamp();
            Console.Error.WriteLine(ProgressText.Of(value));
        }
    }
}

/// <summary>One line for people: step 12/40 · loss 2.31 · 1,204 tokens/s · 0:21 left.</summary>
public static class ProgressText
{
    public static string Of(StageProgress value)
    {
        List<string> parts = [value.Total > 0 ? $"{value.Phase} {value.Done}/{value.Total}" : $"{value.Phase} {value.Done}"];
        Add("loss", value.Training?.Loss, "0.0000");
        Add("eval loss", value.Training?.EvalLoss, "0.0000");
        Add("lr", value.Training?.LearningRate, "0.00e0");
        if (value.TokensPerSecond is { } speed)
        {
            parts.Add(speed.ToString("#,0", CultureInfo.InvariantCulture) + " tokens/s");
        }
        foreach (var gpu in value.Gpus)
        {
            parts.Add($"GPU{(value.MoreGpus is null ? "" : $" {gpu.Index}")} {GpuText.Of(gpu)}");
        }
        if (value.EtaSeconds is { } seconds and < 1e7)
        {
            parts.Add(Duration.OfSeconds(seconds) + " left");
        }
        return string.Join(" · ", parts);

        void Add(string name, double? number, string format)
        {
            if (number is { } known)
            {
                parts.Add($"{name} {known.ToString(format, CultureInfo.InvariantCulture)}");
            }
        }
    }
}
