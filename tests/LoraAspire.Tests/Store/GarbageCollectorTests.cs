using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Store;

public sealed class GarbageCollectorTests : IDisposable
{
    private static readonly DateTimeOffset LongAgo = DateTimeOffset.UtcNow - TimeSpan.FromDays(40);
    private static readonly DateTimeOffset Since = DateTimeOffset.UtcNow - TimeSpan.FromDays(30);
    private static readonly RunNeeds NoRuns = RunNeeds.Of([], Since);

    private readonly TestFolder _folder = new();
    private readonly GarbageCollector _gc;

    public GarbageCollectorTests() => _gc = new(_folder.Paths.Store, TimeProvider.System);

    public void Dispose() => _folder.Dispose();

    private string Links => _folder.At("state", "models");

    private GarbageReport Collect(RunNeeds? needs = null, bool delete = true) => _gc.Collect(Since, needs ?? NoRuns, Links, delete);

    [Fact]
    public void By_default_it_only_looks_and_tells_sizes()
    {
        var old = Artifact("old one", aged: true);
        var fresh = Artifact("fresh", aged: false);

        var report = Collect(delete: false);

        var found = Assert.Single(report.Found);
        Assert.Equal((GarbageKind.Artifact, _folder.Store.Folder(old)), (found.Kind, found.Path));
        Assert.Equal(new DirectoryInfo(_folder.Store.Folder(old)).GetFiles().Sum(file => file.Length), found.Bytes);
        Assert.Equal(1, report.Kept);
        Assert.Empty(report.Removed);
        _folder.Store.Verified(old);
        _folder.Store.Verified(fresh);
    }

    [Fact]
    public void What_nobody_needs_is_removed_and_what_somebody_needs_stays()
    {
        var unneeded = Artifact("unneeded", aged: true);
        var fresh = Artifact("fresh", aged: false);
        var cached = Artifact("cached", aged: true);
        Remember('a', cached, aged: false);
        var forgotten = Artifact("forgotten", aged: true);
        Remember('b', forgotten, aged: true);
        var served = Artifact("served", aged: true);
        new Deployments(_folder.Paths.Store).Deploy("mine", _folder.Store.Folder(served));
        Age(_folder.Store.Folder(served));
        var linked = Artifact("linked", aged: true);
        _folder.Link("state/models/mine", _folder.Store.Folder(linked));
        var ofRun = Artifact("of a run", aged: true);

        var report = Collect(NoRuns with { Artifacts = new HashSet<string> { ofRun } });

        Assert.False(_folder.Store.Holds(unneeded) || _folder.Store.Holds(forgotten));
        Assert.All(new[] { fresh, cached, served, linked, ofRun }, digest => _folder.Store.Verified(digest));
        Assert.Equal((5, 3), (report.Kept, report.Removed.Count));
        Assert.Empty(report.InUse);
        Assert.NotNull(Cached('a'));
        Assert.False(File.Exists(Entry('b')));
        Assert.False(Directory.Exists(_folder.At("store", "trash")));
    }

    [Fact]
    public void What_is_in_use_stays_whatever_its_age()
    {
        var digest = Artifact("read", aged: true);
        using (_folder.Store.Use(digest, TestContext.Current.CancellationToken))
        {
            Age(_folder.Store.Folder(digest));

            Assert.Equal(_folder.Store.Folder(digest), Assert.Single(Collect().InUse).Path);
            _folder.Store.Verified(digest);
        }
        Age(_folder.Store.Folder(digest));
        Assert.Single(Collect().Removed);
    }

    [Fact]
    public void A_use_makes_an_artifact_and_its_entry_young_again()
    {
        var digest = Artifact("one", aged: true);
        Remember('a', digest, aged: true);

        Assert.NotNull(Cached('a'));

        Assert.Empty(Collect().Found);
    }

    [Fact]
    public void The_last_hour_is_kept_whatever_is_asked_for()
    {
        Artifact("just made", aged: false);

        Assert.Empty(_gc.Collect(DateTimeOffset.UtcNow.AddDays(1), NoRuns, Links, delete: true).Found);
    }

    [Fact]
    public void Checkpoints_scratch_and_locks_of_dead_runs_are_removed_and_those_of_the_living_stay()
    {
        var (dead, wanted, held) = (new string('1', 64), new string('2', 64), new string('3', 64));
        foreach (var key in new[] { dead, wanted, held })
        {
            _folder.Write($"store/checkpoints/{key}/step-000001/state.json", "{}");
            _folder.Write($"store/checkpoints/{key}.lock", "");
        }
        _folder.Write($"store/checkpoints/{new string('4', 64)}.lock", "");
        _folder.Write("store/scratch/dead/data/1-worker/out/x", "x");
        _folder.Write("store/scratch/live/data/1-worker/out/x", "x");
        using var turn = KeyLock.Take(_folder.Store.CheckpointDir(held) + ".lock", TestContext.Current.CancellationToken);
        AgeAll();

        var report = Collect(NoRuns with { Keys = new HashSet<string> { wanted }, Live = new HashSet<string> { "live" } });

        Assert.Equal([_folder.Store.CheckpointDir(wanted), _folder.Store.CheckpointDir(held)],
            Directory.GetDirectories(_folder.At("store", "checkpoints")).Order());
        Assert.Equal([wanted + ".lock", held + ".lock"],
            Directory.GetFiles(_folder.At("store", "checkpoints")).Select(Path.GetFileName).Order());
        Assert.Equal([_folder.At("store", "scratch", "live")], Directory.GetDirectories(_folder.At("store", "scratch")));
        Assert.Equal(_folder.Store.CheckpointDir(held), Assert.Single(report.InUse).Path);
    }

    [Fact]
    public void Without_the_runs_scratch_goes_by_its_age_in_days()
    {
        _folder.Write("store/scratch/run/data/x", "x");
        foreach (var path in Directory.GetFileSystemEntries(_folder.At("store", "scratch"), "*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddDays(-2));
        }

        Assert.Empty(Collect(RunNeeds.Unknown).Found);
        Assert.Single(Collect(NoRuns).Removed);
    }

    [Fact]
    public void What_was_set_aside_explained_remembered_or_left_behind_ages_too()
    {
        _folder.Write("store/quarantine/x-1/manifest.json", "{}");
        _folder.Write("store/quarantine/y.json-1", "{}");
        _folder.Write("store/explain/test/data.json", "{}");
        TestFolder.Settle(_folder.Write("data/gone.json", "[]"));
        TestFolder.Settle(_folder.Write("data/there.json", "[1]"));
        _folder.Digests.OfData("gone.json");
        _folder.Digests.OfData("there.json");
        File.Delete(_folder.At("data", "gone.json"));
        _folder.Write("store/digests/x.json.0123", "{");
        _folder.Write("store/cache/.0123", "{");
        _folder.Write("store/trash/x", "left by a gc that was killed");
        _folder.Write("store/cache/data-build/written/items.json", "cost money");
        AgeAll();

        Assert.Equal(
            [GarbageKind.Quarantine, GarbageKind.Quarantine, GarbageKind.Explanation, GarbageKind.Digest, GarbageKind.Leftover,
                GarbageKind.Leftover],
            Collect().Removed.Select(garbage => garbage.Kind).Order());
        Assert.Single(Directory.GetFiles(_folder.At("store", "digests")));
        Assert.True(File.Exists(_folder.At("store", "cache", "data-build", "written", "items.json")));
        Assert.False(Directory.Exists(_folder.At("store", "trash")));
    }

    [Fact]
    public void A_link_in_the_store_is_removed_and_what_it_leads_to_is_not()
    {
        _folder.Write("elsewhere/dear.txt", "dear");
        _folder.Write("store/scratch/dead/data/x", "x");
        _folder.Link("store/scratch/dead/data/away", _folder.At("elsewhere"));
        AgeAll();

        Collect();

        Assert.False(Directory.Exists(_folder.At("store", "scratch", "dead")));
        Assert.Equal("dear", File.ReadAllText(_folder.At("elsewhere", "dear.txt")));
    }

    [Fact]
    public void An_empty_installation_has_nothing_and_two_at_once_do_not_meet()
    {
        Assert.Empty(Collect().Found);
        Assert.False(Directory.Exists(_folder.Paths.Store));

        Artifact("one", aged: true);
        using (KeyLock.Take(_folder.At("store", "gc.lock"), TestContext.Current.CancellationToken))
        {
            Assert.Contains("Another gc is at work", Assert.Throws<StoreException>(() => Collect()).Message, StringComparison.Ordinal);
            Assert.Single(Collect(delete: false).Found);
        }
        Assert.Single(Collect().Removed);
        Assert.False(File.Exists(_folder.At("store", "gc.lock")));
    }

    [Fact]
    public void A_run_needs_what_it_made_while_it_goes_on_and_for_the_days_asked_for()
    {
        RunState Run(string id, DateTimeOffset? finished) => new(id, Version: 3)
        {
            Status = finished is null ? RunStatus.Running : RunStatus.Succeeded,
            FinishedAt = finished,
            Stages = [new("data", "data-build", new Dictionary<string, string>()) { Outputs =
                new Dictionary<string, string> { ["dataset"] = $"d-{id}" }, Key = $"k-{id}" }],
        };

        var needs =
            RunNeeds.Of([Run("going", null), Run("young", DateTimeOffset.UtcNow), Run("old", LongAgo), new RunState("unknown")], Since);

        Assert.Equal(["d-going", "d-young"], needs.Artifacts.Order());
        Assert.Equal(["k-going", "k-young"], needs.Keys.Order());
        Assert.Equal(["going"], needs.Live!);
    }

    private string Artifact(string text, bool aged)
    {
        var digest = _folder.Store.Publish(_folder.Output(text), ArtifactKind.Adapter, "trainer@3");
        if (aged)
        {
            Age(_folder.Store.Folder(digest));
        }
        return digest;
    }

    private string Entry(char key) => _folder.At("store", "cache", new string(key, 64) + ".json");

    private void Remember(char key, string digest, bool aged)
    {
        _folder.Store.Remember(new(key, 64), StageKinds.Trainer, new TrainerParams(),
            new Dictionary<string, string> { ["adapter"] = digest }, TestContext.Current.CancellationToken);
        if (aged)
        {
            Age(Entry(key));
        }
    }

    private IReadOnlyDictionary<string, string>? Cached(char key) =>
        _folder.Store.Cached(new(key, 64), StageKinds.Trainer, new TrainerParams(), null, TestContext.Current.CancellationToken);

    private static void Age(string path) => File.SetLastWriteTimeUtc(path, LongAgo.UtcDateTime);

    private void AgeAll()
    {
        foreach (var path in Directory.GetFileSystemEntries(_folder.Paths.Store, "*", SearchOption.AllDirectories)
            .OrderByDescending(path => path.Length))
        {
            Age(path);
        }
    }
}
