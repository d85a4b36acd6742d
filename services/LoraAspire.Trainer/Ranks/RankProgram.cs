using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Model.Devices;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Trainer.Ranks;

/// <summary>This program as the process of one more device: <c>rank</c>. Rank 0 is the process of the attempt itself.</summary>
internal static class RankProgram
{
    /// <param name="Dataset">A folder, as <paramref name="Base"/>.</param>
    private sealed record Work(TrainerParams With, string Dataset, string Base);

    /// <summary>The processes of all devices but this one, and the group with them.</summary>
    /// <param name="say">Hears what is waited for, where it takes long.</param>
    /// <exception cref="StageException">One didn't come.</exception>
    public static DeviceGroup Start(TrainingDevices devices, TrainerParams with, string dataset, string @base, Action<string> say)
    {
        if (devices.Count == 1)
        {
            return DeviceGroup.Alone;
        }
        RankProcesses processes = new(devices.Count, rank => Program(devices, rank),
            JsonSerializer.Serialize(new Work(with, dataset, @base), StageKey.ParamsJson), say);
        return new(processes.Ring, devices.Own, processes);
    }

    /// <returns>The exit code.</returns>
    public static int Run() => RankSeat.Take((words, ring) =>
    {
        new StageLibraries(LibTorch.Load).Load();
        try
        {
            Train(JsonSerializer.Deserialize<Work>(words, StageKey.ParamsJson)!, ring);
        }
        catch (ModelException error)
        {
            throw new StageException(error.Message, inner: error);
        }
    });

    private static void Train(Work work, Ring ring)
    {
        var device = ComputeDevice.Of(work.With.Device.ToString());
        using DeviceGroup devices = new(ring, device);
        using var rows = InstructionDataset.Open(work.Dataset);
        using var trained = ModelInTraining.Open(work.Base, work.With, device, devices);
        using TrainingRun run = new(trained.Model, trained.Parameters, rows, work.With, checkpointDir: "", new Unheard(), devices);
        run.Follow();
    }

    private static ProcessStartInfo Program(TrainingDevices devices, int rank)
    {
        var start = RankSeat.Program(typeof(RankProgram).Assembly);
        if (devices.Names.Count > 0)
        {
            start.Environment[TrainingDevices.Visible] = devices.Names[rank];
        }
        return start;
    }

    private sealed class Unheard : IProgress<StageProgress>
    {
        public void Report(StageProgress value)
        {
        }
    }
}
