using LoraAspire.Model.Native;
using TorchSharp;

namespace LoraAspire.Tests.Native;

public sealed class LibTorchTests
{
    [Fact]
    public void The_native_library_loads_and_adds()
    {
        LibTorch.Load();

        using var sum = torch.ones(3, 4).sum();

        Assert.Equal(12f, sum.item<float>());
    }
}
