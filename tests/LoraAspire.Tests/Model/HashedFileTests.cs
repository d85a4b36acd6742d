using LoraAspire.Model;
using LoraAspire.Model.Native;
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
        using (HashedFile file = new(path))
        {
            using var bytes = TensorBytes.Of(full([4], float.NaN, ScalarType.Float32));

            Assert.Contains("not a finite number", Assert.Throws<ModelException>(
                () => file.Append("w", bytes, new FiniteCheck(ScalarType.Float32))).Message);
        }

        // While a writer has it, nobody else may.
        await File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None).DisposeAsync();
    }

    /// <summary>Three tensors of 0, 3 and 2,000,003 bytes: pieces of every kind, the last one cut.</summary>
    [Fact]
    public async Task What_was_appended_is_the_file_and_its_digest()
    {
        LibTorch.Load();
        var path = Path.Combine(_folder, "some");
        byte[][] parts = [[], [1, 2, 3], [.. Enumerable.Range(0, 2_000_003).Select(i => (byte)(i * 7 % 251))]];
        string digest;
        using (HashedFile file = new(path))
        {
            foreach (var part in parts)
            {
                using var bytes = TensorBytes.Of(tensor(part, ScalarType.Byte));
                file.Append("t", bytes);
            }
            digest = await file.CompleteAsync();
        }

        var written = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        Assert.True(parts.SelectMany(part => part).SequenceEqual(written));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(written)), digest);
    }
}
