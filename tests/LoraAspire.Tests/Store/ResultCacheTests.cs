using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Tests.Store;

/// <summary>A trainer with LoRA gives one output, an adapter; its kind can also give a model.</summary>
public sealed class ResultCacheTests : IDisposable
{
    private static readonly string Key = new('a', 64);
    private static readonly TrainerParams With = new();

    private readonly TestFolder _folder = new();
    private readonly string _adapter;

    public ResultCacheTests() => _adapter = _folder.Store.Publish(_folder.Output("one"), ArtifactKind.Adapter, "trainer@3");

    public void Dispose() => _folder.Dispose();

    private string Entry => _folder.At("store", "cache", Key + ".json");

    private IReadOnlyDictionary<string, string>? Cached() =>
        _folder.Store.Cached(Key, StageKinds.Trainer, With, null, TestContext.Current.CancellationToken);

    private IReadOnlyDictionary<string, string> Remember(string digest) =>
        _folder.Store.Remember(Key, StageKinds.Trainer, With, new Dictionary<string, string> { ["adapter"] = digest },
            TestContext.Current.CancellationToken);

    [Fact]
    public void What_was_remembered_first_is_what_the_key_gives()
    {
        var other = _folder.Store.Publish(_folder.Output("two"), ArtifactKind.Adapter, "trainer@3");

        Assert.Null(Cached());
        Assert.Equal(_adapter, Remember(_adapter)["adapter"]);
        Assert.Equal(_adapter, Remember(other)["adapter"]);
        Assert.Equal(_adapter, Cached()!["adapter"]);
        Assert.Empty(_folder.Said);
        Assert.Single(Directory.GetFiles(_folder.At("store", "cache"), "*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("", "it can't be read")]
    [InlineData("null", "it names no outputs")]
    [InlineData("{}", "it can't be read")]
    [InlineData("[]", "it can't be read")]
    [InlineData("{\"outputs\":null}", "it names no outputs")]
    [InlineData("{\"outputs\":{}}", "it lacks the output 'adapter'")]
    [InlineData("{\"outputs\":{\"adapter\":null}}", "no digest")]
    [InlineData("{\"outputs\":{\"adapter\":7}}", "it can't be read")]
    [InlineData("{\"outputs\":{\"adapter\":\"..\"}}", "no digest")]
    [InlineData("{\"outputs\":{\"adapter\":\"../../../etc\"}}", "no digest")]
    [InlineData("{\"outputs\":{\"adapter\":\"ADAPTER\",\"model\":\"ADAPTER\"}}", "an output 'model' that the stage doesn't give")]
    [InlineData("{\"outputs\":{\"adapter\":\"ADAPTER\",\"\\u001b[2J\":\"ADAPTER\"}}", "an output '?[2J' that the stage doesn't give")]
    [InlineData("{\"outputs\":{\"adapter\":\"MODEL\"}}", "'adapter' points to another kind of artifact")]
    [InlineData("{\"outputs\":{\"adapter\":\"0000000000000000000000000000000000000000000000000000000000000000\"}}", "is gone")]
    [InlineData("{\"outputs\":{\"adapter\":\"ADAPTER\"", "it can't be read")]
    public void An_entry_that_is_of_no_use_is_a_miss_is_set_aside_and_said(string entry, string words)
    {
        var model = _folder.Store.Publish(_folder.Output("three"), ArtifactKind.Model, "trainer@3");
        _folder.Write($"store/cache/{Key}.json",
            entry.Replace("ADAPTER", _adapter, StringComparison.Ordinal).Replace("MODEL", model, StringComparison.Ordinal));

        Assert.Null(Cached());

        Assert.Contains(words, Assert.Single(_folder.Said), StringComparison.Ordinal);
        Assert.False(File.Exists(Entry));
        Assert.Single(Directory.GetFiles(_folder.At("store", "quarantine")));
        Assert.Equal(_adapter, Remember(_adapter)["adapter"]);
        Assert.Equal(_adapter, Cached()!["adapter"]);
    }

    [Fact]
    public async Task An_entry_that_is_no_file_or_far_too_large_is_a_miss_too()
    {
        Directory.CreateDirectory(Entry);
        Assert.Null(Cached());
        _folder.Pipe($"store/cache/{Key}.json");
        Assert.Null(await Task.Run(Cached, TestContext.Current.CancellationToken)
            .WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        using (var large = File.Create(Entry))
        {
            large.SetLength(1L << 33);
        }
        Assert.Null(Cached());

        Assert.Equal(3, _folder.Said.Count);
        Assert.Equal(_adapter, Remember(_adapter)["adapter"]);
    }

    [Fact]
    public void An_entry_whose_artifact_was_damaged_is_a_miss()
    {
        Remember(_adapter);
        TestFolder.Flip(Path.Combine(_folder.Store.Folder(_adapter), "a.bin"));

        Assert.Null(Cached());
        Assert.False(_folder.Store.Holds(_adapter));
        Assert.Equal(2, _folder.Said.Count);
    }

    [Fact]
    public async Task Of_many_that_remember_at_once_all_are_told_the_first()
    {
        var digests =
            Enumerable.Range(0, 8).Select(i => _folder.Store.Publish(_folder.Output($"{i}"), ArtifactKind.Adapter, "trainer@3")).ToList();

        var told = await Task.WhenAll(
            digests.Select(digest => Task.Run(() => Remember(digest)["adapter"], TestContext.Current.CancellationToken)));

        Assert.Equal(Cached()!["adapter"], Assert.Single(told.Distinct()));
    }
}
