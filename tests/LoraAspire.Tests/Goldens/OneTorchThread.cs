using System.Runtime.CompilerServices;
using LoraAspire.Model.Native;
using TorchSharp;

namespace LoraAspire.Tests.Goldens;

internal static class OneTorchThread
{
    /// <summary>On models this small a second thread only waits for the first, and spins when other work has the core.</summary>
    [ModuleInitializer]
    internal static void Set()
    {
        LibTorch.Load();
        torch.set_num_threads(1);
    }
}
