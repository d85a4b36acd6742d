using System.Security.Cryptography;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Store;

public sealed class ContentDigestsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Memory => Assert.Single(Directory.GetFiles(_folder.At("store", "digests")));

    [Fact]
    public void The_digest_of_a_data_file_is_its_SHA_256_and_of_a_model_that_of_its_names_and_digests()
    {
        _folder.Write("data/a.json", "[]");
        _folder.Write("models/m/b.json", "{}");
        _folder.Write("models/m/a/c.json", "x");

        Assert.Equal(Hex("[]"), _folder.Digests.OfData("a.json"));
        Assert.Equal(Hex($"a/c.json\0{Hex("x")}\nb.json\0{Hex("{}")}"), _folder.Digests.OfModel("m"));
    }

    [Fact]
    public void What_is_remembered_is_not_read_again_by_this_process_or_another()
    {
        TestFolder.Settle(_folder.Write("data/a.json", "[]"));
        _folder.Digests.OfData("a.json");
        var forged = new string('f', 64);
        File.WriteAllText(Memory, File.ReadAllText(Memory).Replace(Hex("[]"), forged, StringComparison.Ordinal));

        Assert.Equal(forged, _folder.Digests.OfData("a.json"));
        Assert.Equal(forged, new ContentDigests(_folder.Paths).OfData("a.json"));
    }

    [Fact]
    public void A_write_that_sets_size_and_time_back_is_still_seen()
    {
        var path = _folder.Write("data/a.json", "[1]");
        var time = File.GetLastWriteTimeUtc(path);
        TestFolder.Settle(path);
        _folder.Digests.OfData("a.json");

        File.WriteAllText(path, "[2]");
        File.SetLastWriteTimeUtc(path, time);

        Assert.Equal(Hex("[2]"), _folder.Digests.OfData("a.json"));
    }

    [Fact]
    public void Another_file_under_the_same_name_is_read_even_with_the_old_times()
    {
        var path = _folder.Write("data/a.json", "[1]");
        TestFolder.Settle(path);
        _folder.Digests.OfData("a.json");
        File.SetLastWriteTimeUtc(_folder.Write("data/b.json", "[2]"), File.GetLastWriteTimeUtc(path));

        File.Move(_folder.At("data", "b.json"), path, overwrite: true);

        Assert.Equal(Hex("[2]"), _folder.Digests.OfData("a.json"));
    }

    [Fact]
    public void What_was_written_in_this_very_tick_is_not_remembered()
    {
        var path = _folder.Write("data/a.json", "[]");
        for (var i = 0; i < 200; i++)
        {
            File.WriteAllText(path, $"[{i:D3}]");
            Assert.Equal(Hex($"[{i:D3}]"), _folder.Digests.OfData("a.json"));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"path":null,"stamp":null,"sha256":null}""")]
    [InlineData("[[[[")]
    public void A_memory_that_cannot_be_read_is_written_anew(string damaged)
    {
        TestFolder.Settle(_folder.Write("data/a.json", "[]"));
        _folder.Digests.OfData("a.json");
        var whole = File.ReadAllText(Memory);
        File.WriteAllText(Memory, damaged);

        Assert.Equal(Hex("[]"), _folder.Digests.OfData("a.json"));
        Assert.Equal(whole, File.ReadAllText(Memory));
    }

    [Fact]
    public void A_store_that_cannot_be_written_costs_the_memory_and_is_said_once()
    {
        _folder.Write("store", "a file where the folder should be");
        foreach (var name in new[] { "a", "b" })
        {
            TestFolder.Settle(_folder.Write($"data/{name}.json", name));
            Assert.Equal(Hex(name), _folder.Digests.OfData($"{name}.json"));
        }

        Assert.StartsWith("Digests can't be remembered, so that files are hashed at every use: ", Assert.Single(_folder.Said),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_at_once_agree_and_leave_one_memory()
    {
        TestFolder.Settle(_folder.Write("data/a.json", new('x', 3_000_000)));

        var digests = await Task.WhenAll(Enumerable.Range(0, 16)
            .Select(_ => Task.Run(() => new ContentDigests(_folder.Paths).OfData("a.json"), TestContext.Current.CancellationToken)));

        Assert.Equal([Hex(new('x', 3_000_000))], digests.Distinct());
        Assert.EndsWith(".json", Memory, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_being_written_is_told_and_not_remembered()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var path = _folder.Write("data/a.json", new('x', 50_000_000));
        var writer = Task.Run(() =>
        {
            using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
            while (!stop.IsCancellationRequested)
            {
                file.WriteByte((byte)'y');
                file.Flush();
            }
        }, TestContext.Current.CancellationToken);

        var error = Assert.Throws<StageException>(() => _folder.Digests.OfData("a.json"));
        await stop.CancelAsync();
        await writer;

        Assert.True(error.Transient);
        Assert.Contains("was written while it was read", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.At("store", "digests")));
    }

    [Fact]
    public void Hashing_tells_how_far_it_is_and_stops_when_told()
    {
        using (var large = File.Create(_folder.At("models", "large.bin")))
        {
            large.SetLength(1L << 32);
        }
        Directory.CreateDirectory(_folder.At("models", "m"));
        File.Move(_folder.At("models", "large.bin"), _folder.At("models", "m", "large.bin"));
        _folder.Write("models/m/small.bin", "x");
        using CancellationTokenSource stop = new();
        HashProgress last = default;
        Sink progress = new(value =>
        {
            last = value;
            stop.Cancel();
        });

        Assert.ThrowsAny<OperationCanceledException>(() => _folder.Digests.OfModel("m", progress, stop.Token));

        Assert.Equal((1L << 32) + 1, last.Total);
        Assert.InRange(last.Bytes, 1, 16 << 20);
    }

    private static string Hex(string text) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)));

    private sealed class Sink(Action<HashProgress> each) : IProgress<HashProgress>
    {
        public void Report(HashProgress value) => each(value);
    }
}
