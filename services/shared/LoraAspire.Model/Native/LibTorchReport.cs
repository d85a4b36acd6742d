using TorchSharp;

namespace LoraAspire.Model.Native;

/// <summary>The libtorch that a program computes with, as the program itself tells it on one line of JSON.</summary>
/// <param name="Problem">Why it doesn't load; null where it does.</param>
/// <param name="Gpus">How many GPUs it sees: 0 of one for the CPU.</param>
public sealed record LibTorchReport(string? Version = null, int Gpus = 0, string? Folder = null, string? Problem = null)
{
    /// <summary>The argument that a program is asked by.</summary>
    public const string Word = "libtorch";

    public static LibTorchReport Of()
    {
        var folder = Environment.GetEnvironmentVariable(LibTorch.Variable) is { Length: > 0 } given ? given : null;
        try
        {
            LibTorch.Load();
            return new(torch.__version__, torch.cuda.is_available() ? torch.cuda.device_count() : 0, folder);
        }
        catch (LibTorchException error)
        {
            return new(Folder: folder, Problem: error.Message);
        }
    }
}
