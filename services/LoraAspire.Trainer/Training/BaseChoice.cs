using System.Text.Json;
using LoraAspire.Model.Fit;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;
using LoraAspire.Trainer.Ranks;
using TorchSharp;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// What the base is held in, whether layers are recomputed, and the budget: as asked, or with base_type auto the fastest that fits, from
/// the shapes alone. What was chosen stands beside the checkpoints, since a run that goes on elsewhere goes on with the same base.
/// </summary>
/// <param name="Tokens">Of a micro-batch; null leaves it to the trainer.</param>
internal sealed record BaseChoice(BaseFormat Format, bool LowMemory, int? Tokens)
{
    private const string FileName = "base.json";
    private const string Unfinished = ".tmp";
    private const double Gib = 1 << 30;

    /// <param name="devices">Of which the first decides for all.</param>
    /// <param name="checkpoints">The folder of this run's.</param>
    /// <param name="say">Takes a line for people.</param>
    public static BaseChoice Of(TrainerParams settings, FitWork work, TrainingDevices devices, string checkpoints, Action<string> say)
    {
        var device = devices.Own;
        // On the CPU each process has a base of its own in the same memory.
        var memory = Memory(device) / (device.type == DeviceType.CPU ? devices.Count : 1);
        if (settings.BaseType != BaseType.Auto)
        {
            BaseChoice asked = new(work.Config.Quantised ?? FormatOf(settings.BaseType), settings.LowMemory,
                settings.MicroBatchTokens);
            if (memory is { } room && !(settings.ShardBase && devices.Count > 1))
            {
                asked.Warn(FitTable.Of(work, room, Possible(settings, work, device)), room, say);
            }
            return asked;
        }
        var file = Path.Combine(checkpoints, FileName);
        if (Read(file) is { } before)
        {
            say($"base_type auto: {before.Words}, as this run began.");
            return before;
        }
        var chosen = memory is { } size ? Choose(settings, work, FitTable.Of(work, size, Possible(settings, work, device)), size, say)
            : new(BaseFormat.Bf16, settings.LowMemory, settings.MicroBatchTokens);
        Durable.Write(file + Unfinished, JsonSerializer.SerializeToUtf8Bytes(chosen, StageKey.ParamsJson));
        Durable.Rename(file + Unfinished, file);
        return chosen;
    }

    /// <summary>The settings with what was chosen.</summary>
    public TrainerParams In(TrainerParams settings) =>
        settings with { BaseType = Enum.Parse<BaseType>($"{Format}"), LowMemory = LowMemory, MicroBatchTokens = Tokens };

    /// <param name="asked">Any but auto, which is no format.</param>
    public static BaseFormat FormatOf(BaseType asked) => asked switch
    {
        BaseType.Bf16 => BaseFormat.Bf16,
        BaseType.Fp8 => BaseFormat.Fp8,
        BaseType.Int8 => BaseFormat.Int8,
        BaseType.Nf4 => BaseFormat.Nf4,
        _ => throw new ArgumentOutOfRangeException(nameof(asked), asked, "No format."),
    };

    private string Words => $"base_type {Format.Word()}, low_memory {(LowMemory ? "true" : "false")}"
        + (Tokens is { } tokens ? $", micro_batch_tokens {tokens}" : "");

    private static BaseChoice Choose(TrainerParams settings, FitWork work, FitTable table, long memory, Action<string> say)
    {
        // A budget below the table's smallest takes no more than that one does.
        var most = Math.Max(settings.MicroBatchTokens ?? int.MaxValue, table.All.Min(row => row.Tokens));
        bool Allowed(FitRow row) => (row.Recompute || !settings.LowMemory) && row.Tokens <= most;
        var best = table.Fastest(Allowed);
        var row = best ?? table.All.Where(Allowed).MinBy(row => row.Memory.Total)!;
        BaseChoice chosen = new(row.Format, row.Recompute, settings.MicroBatchTokens ?? row.Tokens);
        say(FormattableString.Invariant($"base_type auto: {chosen.Words}; by its shapes that takes {row.Memory.Total / Gib:0.0} of ")
            + FormattableString.Invariant($"{memory / Gib:0.0} GiB{(best is null ? ", which is too much, and nothing takes less" : "")}."));
        return chosen;
    }

    /// <summary>Says before anything is loaded that it will not fit, and what would.</summary>
    private void Warn(FitTable table, long memory, Action<string> say)
    {
        var own = table.All.Where(row => row.Format == Format && row.Recompute == LowMemory).ToList();
        if (own.Count == 0 || own.Any(row => row.Fits))
        {
            return;
        }
        var least = own.Min(row => row.Memory.Total);
        var other = table.Fastest();
        say(FormattableString.Invariant($"By its shapes the base takes {least / Gib:0.0} GiB held in {Format.Word()}")
            + FormattableString.Invariant($" even with the smallest micro-batches, and there are {memory / Gib:0.0}. ")
            + (other is null ? "Nothing else fits either: take a smaller base."
                : $"What fits: {new BaseChoice(other.Format, other.Recompute, other.Tokens).Words}."));
    }

    /// <summary>What the device computes with this base.</summary>
    private static BaseFormat[] Possible(TrainerParams settings, FitWork work, torch.Device device) =>
        work.Config.Quantised is { } own ? [own]
        : [.. Enum.GetValues<BaseFormat>().Where(format =>
            Quantisation.Of(format)?.Unsupported(work.Config, ModelInTraining.TypeOf(settings, device), device) is null)];

    private static long? Memory(torch.Device device)
    {
        if (device.type == DeviceType.CUDA)
        {
            _ = CudaDevice.Capability(); // makes the context, which is asked
        }
        return DeviceMemory.Read(device) is { } memory ? device.type == DeviceType.CUDA ? memory.Total : memory.Free : null;
    }

    private static BaseChoice? Read(string file)
    {
        try
        {
            return File.Exists(file) ? JsonSerializer.Deserialize<BaseChoice>(File.ReadAllText(file), StageKey.ParamsJson) : null;
        }
        catch (JsonException)
        {
            return null; // no longer what was written: it is chosen again
        }
    }
}
