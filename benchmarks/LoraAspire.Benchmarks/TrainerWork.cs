using System.Globalization;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>What the trainer's benchmark measures. Each device gets it in words.</summary>
internal sealed record TrainerWork(bool OnCpu, string Shape, TrainerWork.RowChoice Rows, TrainerWork.BackwardChoice Backward,
    TrainerWork.TrainedPart Trained, int WarmUp, int Steps, int Devices, bool ShardBase)
{
    /// <param name="Kind">alpaca, a length, or the folder of a data set.</param>
    /// <param name="LengthsFile">Of Alpaca's rows.</param>
    public sealed record RowChoice(string Kind, string LengthsFile);

    public sealed record BackwardChoice(int? Tokens, bool LowMemory, bool Autograd, BaseFormat Held);

    /// <param name="Full">Every weight, without adapters.</param>
    public sealed record TrainedPart(int Rank, bool AllLinear, bool Dora, double Dropout, bool Full);

    public torch.Device Device() => ComputeDevice.Of(OnCpu ? "cpu" : "cuda");

    /// <summary>The model, and the type that its products are computed in.</summary>
    public (ModelConfig Config, ScalarType Type) Model() => OnCpu ? (Shapes.Llama15M, float32) : (Shapes.Named[Shape], bfloat16);

    /// <summary>Null where every weight is trained.</summary>
    public LoraConfig? Adapters() => Trained.Full ? null : new(Trained.Rank, 16, Trained.Dropout,
        Trained.AllLinear ? [AdapterConfig.AllLinear] : ["q_proj", "k_proj", "v_proj", "o_proj"])
    {
        UseDora = Trained.Dora,
    };

    public IReadOnlyList<IReadOnlyList<TrainingRow>> RowsOfSteps(int vocabSize)
    {
        const int Batch = 128;
        if (Directory.Exists(Rows.Kind))
        {
            return Workload.DataSteps(Rows.Kind, Batch);
        }
        if (Rows.Kind != "alpaca")
        {
            // As many tokens as the Alpaca steps have, about: 15,000.
            var length = int.Parse(Rows.Kind, CultureInfo.InvariantCulture);
            return [Workload.Step([.. Enumerable.Repeat(length, OnCpu ? 8 : Math.Max(8, 16384 / length))], vocabSize, seed: 1)];
        }
        var steps = Workload.AlpacaSteps(Rows.LengthsFile);
        return [.. (OnCpu ? steps.Take(2).Select(step => step[..32]) : steps).Select((step, at) =>
            Workload.Step(step, vocabSize, seed: 1 + at))];
    }
}
