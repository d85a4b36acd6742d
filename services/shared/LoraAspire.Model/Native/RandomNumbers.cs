using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Native;

public static class RandomNumbers
{
    /// <summary>Seeds torch's generator of the CPU and of the device: <c>manual_seed</c> alone leaves a GPU's as it is.</summary>
    public static void Seed(torch.Device device, long seed)
    {
        manual_seed(seed);
        if (device.type == DeviceType.CUDA)
        {
            cuda.manual_seed(seed);
        }
    }
}
