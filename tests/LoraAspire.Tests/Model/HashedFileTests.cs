using LoraAspire.Model;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

public sealed class HashedFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-hashed-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_fault_in_the_last_piece_leaves_no_file_open()
    {
        var path = Path.Combine(_folder, WeightFiles.Single);
        using HashedFile file = new(path);
        file.Append("w", full([4], float.NaN, ScalarType.Float32), new FiniteCheck(ScalarType.Float32));

        Assert.Contains("not a finite number", (await Assert.ThrowsAsync<ModelException>(file.CompleteAsync)).Message);

        // While a writer has it, nobody else may.
        File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
    }
}
