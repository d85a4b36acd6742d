using System.Text.Json;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Trainer.Ranks;

namespace LoraAspire.Trainer;

/// <summary>What the trainer's program does besides being a worker: one more device of a training, and what it computes with.</summary>
internal static class OwnCommands
{
    /// <returns>The exit code; null where the arguments ask for neither.</returns>
    public static int? Run(string[] args) => args switch
    {
        [RankSeat.Word] => RankProgram.Run(),
        [LibTorchReport.Word] => Report(),
        _ => null,
    };

    private static int Report()
    {
        Console.WriteLine(JsonSerializer.Serialize(LibTorchReport.Of(), MessageFormat.Json));
        return 0;
    }
}
