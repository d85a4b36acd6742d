using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Store;

/// <summary>
/// Workers that find or make results, open them as inputs and read them, while everything ages in between and a gc removes all it can. Time
/// passes only where a worker has nothing in hand: between finding a result and opening it no hour goes by.
/// </summary>
public sealed class GarbageUnderLoadTests(ITestOutputHelper output) : IDisposable
{
    private const int Workers = 4;
    private const int Results = 6;
    private const int Enough = 20;
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    private readonly TestFolder _folder = new();
    private readonly ReaderWriterLockSlim _time = new();
    private (int Made, int Found, int Removed, int InUse) _counts;

    public void Dispose()
    {
        _folder.Dispose();
        _time.Dispose();
    }

    [Fact]
    public async Task A_gc_that_removes_all_it_can_takes_nothing_from_anybody_who_uses_it()
    {
        using CancellationTokenSource over = new(Longest);
        var collecting = Task.Run(() => CollectAsync(over), TestContext.Current.CancellationToken);
        await Task.WhenAll(Enumerable.Range(0, Workers)
            .Select(worker => Task.Run(() => Work(new Random(worker), over.Token), TestContext.Current.CancellationToken)));
        await collecting;

        output.WriteLine($"made {_counts.Made}, found {_counts.Found}, removed {_counts.Removed}, spared in use {_counts.InUse}");
        Assert.True(IsEnough, "too little happened");
        Assert.DoesNotContain(_folder.Said, line => line.Contains("damaged", StringComparison.Ordinal));
    }

    private void Work(Random random, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            var i = random.Next(Results);
            StageInputs inputs;
            _time.EnterReadLock();
            try
            {
                inputs = Open(i, FindOrMake(i));
            }
            finally
            {
                _time.ExitReadLock();
            }
            using (inputs)
            {
                for (var pass = 0; pass < 5; pass++)
                {
                    Assert.Equal(Text(i), File.ReadAllText(Path.Combine(inputs.Folders["adapter"], "a.bin")));
                }
                inputs.RequireUnchanged(CancellationToken.None);
            }
        }
    }

    private string FindOrMake(int i)
    {
        var key = FileDigest.OfText($"{i}");
        if (_folder.Store.Cached(key, StageKinds.Trainer, new TrainerParams(), null, CancellationToken.None) is { } found)
        {
            Interlocked.Increment(ref _counts.Found);
            return found["adapter"];
        }
        Interlocked.Increment(ref _counts.Made);
        var digest = _folder.Store.Publish(_folder.Output(Text(i)), ArtifactKind.Adapter, "trainer@3");
        return _folder.Store.Remember(key, StageKinds.Trainer, new TrainerParams(), new Dictionary<string, string> { ["adapter"] = digest },
            CancellationToken.None)["adapter"];
    }

    private StageInputs Open(int i, string digest)
    {
        StageOrder order = new("run", DateTimeOffset.UtcNow, "merge", 1)
        {
            Pipeline = "test",
            Kind = "merger",
            Key = FileDigest.OfText($"merge {i}"),
            With = JsonSerializer.SerializeToElement(new { }),
            Inputs = new Dictionary<string, InputArtifact> { ["adapter"] = new(digest) },
            DataFiles = new Dictionary<string, string>(),
        };
        return StageInputs.Open(order, StageKinds.Merger, _folder.Store, _folder.Digests, new Progress<StageProgress>(),
            CancellationToken.None);
    }

    private bool IsEnough => _counts is { Found: >= Enough, Removed: >= Enough, InUse: >= Enough } && _counts.Made >= Results + Enough;

    private async Task CollectAsync(CancellationTokenSource over)
    {
        GarbageCollector gc = new(_folder.Paths.Store, TimeProvider.System);
        while (!over.IsCancellationRequested)
        {
            _time.EnterWriteLock();
            try
            {
                foreach (var path in new[] { "objects", "cache" }.Select(name => _folder.At("store", name)).Where(Directory.Exists)
                    .SelectMany(Directory.GetFileSystemEntries))
                {
                    File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddDays(-40));
                }
            }
            finally
            {
                _time.ExitWriteLock();
            }
            var report = gc.Collect(DateTimeOffset.UtcNow.AddDays(-30), RunNeeds.Unknown, _folder.At("links"), delete: true);
            _counts.Removed += report.Removed.Count(garbage => garbage.Kind == GarbageKind.Artifact);
            _counts.InUse += report.InUse.Count;
            if (IsEnough)
            {
                await over.CancelAsync();
            }
        }
    }

    private static string Text(int i) => new((char)('a' + i), 20_000);
}
