using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Store;

public sealed class ArtifactStoreTests : IDisposable
{
    private const ArtifactKind Adapter = ArtifactKind.Adapter;

    private readonly TestFolder _folder = new();

    private ArtifactStore Store => _folder.Store;

    public void Dispose() => _folder.Dispose();

    /// <summary>A changed literal means that no artifact of any user is found again.</summary>
    [Fact]
    public void An_artifact_is_named_by_this_digest_and_read_only_for_its_owner_alone()
    {
        var digest = Store.Publish(_folder.Output("one", "two"), Adapter, "trainer@3");

        Assert.Equal("ce4a30d967441a1f6cb01285365c9057788d619102aa665a08b734bb7657a874", digest);
        Assert.Equal("one", File.ReadAllText(Path.Combine(Store.Verified(digest), "a.bin")));
        Assert.All(Directory.GetFiles(Store.Folder(digest)), file => Assert.Equal(UnixFileMode.UserRead, File.GetUnixFileMode(file)));
        Assert.Equal(PrivateFolder.FolderMode, File.GetUnixFileMode(Store.Folder(digest)));
        Assert.Equal(PrivateFolder.FolderMode, File.GetUnixFileMode(_folder.At("store", "objects")));
    }

    public static TheoryData<string> Damages =>
        ["flip", "cut", "longer", "missing", "foreign", "manifest", "manifest-cut", "link", "emptied"];

    [Theory]
    [MemberData(nameof(Damages))]
    public void A_damaged_artifact_is_set_aside_said_in_the_log_and_made_again_under_its_name(string damage)
    {
        var digest = Store.Publish(_folder.Output("one", "two"), Adapter, "trainer@3");
        Store.Verified(digest);
        Damage(Store.Folder(digest), damage);

        var lost = Assert.Throws<LostArtifactException>(() => Store.Verified(digest));

        Assert.Equal(digest, lost.Digest);
        Assert.Contains("has been set aside", lost.Message, StringComparison.Ordinal);
        Assert.False(Store.Holds(digest));
        Assert.Contains($"Artifact {digest} is damaged: ", Assert.Single(_folder.Said), StringComparison.Ordinal);
        Assert.Single(Directory.GetDirectories(_folder.At("store", "quarantine"), digest + "-*"));

        Assert.Equal(digest, Store.Publish(_folder.Output("one", "two"), Adapter, "trainer@3"));
        Store.Verified(digest);
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void Publishing_the_same_takes_the_place_of_a_damaged_one(string damage)
    {
        var digest = Store.Publish(_folder.Output("one", "two"), Adapter, "trainer@3");
        Damage(Store.Folder(digest), damage);

        Assert.Equal(digest, Store.Publish(_folder.Output("one", "two"), Adapter, "trainer@3"));

        Store.Verified(digest);
    }

    [Fact]
    public void A_verified_file_is_hashed_once()
    {
        var digest = Store.Publish(_folder.Output("one"), Adapter, "trainer@3");
        var file = Path.Combine(Store.Folder(digest), "a.bin");
        TestFolder.Settle(file);
        Store.Verified(digest);
        var memory = Assert.Single(Directory.GetFiles(_folder.At("store", "digests")));
        File.WriteAllText(memory, File.ReadAllText(memory).Replace(FileDigest.Of(file), new('f', 64), StringComparison.Ordinal));

        // Whoever still believes the memory takes the whole file for a damaged one.
        Assert.Throws<LostArtifactException>(() => Store.Verified(digest));
    }

    [Fact]
    public void What_is_published_twice_lies_there_once_and_leaves_no_scratch()
    {
        var digest = Store.Publish(_folder.Output("one"), Adapter, "trainer@3");
        var again = _folder.Output("one");

        Assert.Equal(digest, Store.Publish(again, Adapter, "trainer@3"));
        Assert.False(Directory.Exists(again));
        Assert.Single(Directory.GetDirectories(_folder.At("store", "objects")));
    }

    [Fact]
    public async Task Many_publish_the_same_at_once()
    {
        var outputs = Enumerable.Range(0, 16).Select(_ => _folder.Output("one", "two")).ToList();

        var digests = await Task.WhenAll(
            outputs.Select(output => Task.Run(() => Store.Publish(output, Adapter, "trainer@3"), TestContext.Current.CancellationToken)));

        Store.Verified(Assert.Single(digests.Distinct()));
        Assert.DoesNotContain(outputs, Directory.Exists);
        Assert.Empty(_folder.Said);
    }

    [Theory]
    [InlineData("link", "a link")]
    [InlineData("folder-link", "a link")]
    [InlineData("pipe", "a named pipe")]
    [InlineData("socket", "a socket")]
    public void An_output_that_does_not_hold_its_own_bytes_is_not_published(string what, string words)
    {
        var output = _folder.Output("one");
        var path = Path.Combine(Path.GetRelativePath(_folder.Root, output), "odd");
        switch (what)
        {
            case "link":
                _folder.Link(path, "a.bin");
                break;
            case "folder-link":
                _folder.Link(path, "/etc");
                break;
            case "pipe":
                _folder.Pipe(path);
                break;
            default:
                _folder.Socket(path);
                break;
        }

        Assert.Contains(words, Assert.Throws<StoreException>(() => Store.Publish(output, Adapter, "trainer@3")).Message,
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.At("store", "objects")));
    }

    [Fact]
    public void An_output_may_be_a_hard_link_but_not_empty_or_a_manifest()
    {
        var output = _folder.Output("one");
        _folder.HardLink(Path.Combine(Path.GetRelativePath(_folder.Root, output), "b.bin"),
            Path.Combine(Path.GetRelativePath(_folder.Root, output), "a.bin"));
        Store.Verified(Store.Publish(output, Adapter, "trainer@3"));

        Assert.Contains("empty adapter", Assert.Throws<StoreException>(() => Store.Publish(_folder.Output(), Adapter, "trainer@3")).Message,
            StringComparison.Ordinal);
        output = _folder.Output("one");
        File.WriteAllText(Path.Combine(output, "manifest.json"), "{}");
        Assert.Contains("the name of the store's own",
            Assert.Throws<StoreException>(() => Store.Publish(output, Adapter, "trainer@3")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_manifest_that_names_files_outside_its_folder_is_none()
    {
        foreach (var path in new[] { "../secret", "/etc/hostname", "a/../../b", "", "manifest.json", "a//b", "a\0b" })
        {
            var bytes = new Manifest(Adapter, "trainer@3", [new(path, 1, new('a', 64))]).ToBytes();
            Directory.CreateDirectory(_folder.At("store", "objects", Manifest.DigestOf(bytes)));
            File.WriteAllBytes(_folder.At("store", "objects", Manifest.DigestOf(bytes), Manifest.FileName), bytes);

            Assert.False(Store.Holds(Manifest.DigestOf(bytes)));
            Assert.Throws<LostArtifactException>(() => Store.Verified(Manifest.DigestOf(bytes)));
        }
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../../elsewhere")]
    [InlineData("/tmp")]
    [InlineData("")]
    [InlineData("a\0b")]
    [InlineData("a/b")]
    public void No_path_is_made_from_what_is_no_name(string text)
    {
        foreach (var path in new Func<string, string>[]
        {
            Store.RunScratch, run => Store.StageScratch(run, "data"), stage => Store.StageScratch("run", stage), Store.CheckpointDir,
            name => Store.ExplainFile(name, "data"), stage => Store.ExplainFile("name", stage), Store.Folder, Store.Verified,
            digest => Store.Manifest(digest).Producer,
        })
        {
            Assert.Throws<StoreException>(() => path(text));
        }
        Assert.False(Store.Holds(text));
        Assert.Throws<StoreException>(
            () => Store.Cached(text, StageKinds.Merger, new MergerParams(), null, TestContext.Current.CancellationToken));
    }

    private void Damage(string folder, string damage)
    {
        var (file, manifest) = (Path.Combine(folder, "b.bin"), Path.Combine(folder, Manifest.FileName));
        switch (damage)
        {
            case "flip":
                TestFolder.Flip(file);
                break;
            case "cut":
            case "manifest-cut":
                var cut = damage == "cut" ? file : manifest;
                File.SetUnixFileMode(cut, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                using (var stream = File.OpenWrite(cut))
                {
                    stream.SetLength(stream.Length / 2);
                }
                break;
            case "longer":
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                File.AppendAllText(file, "x");
                break;
            case "missing":
                File.Delete(file);
                break;
            case "foreign":
                File.WriteAllText(Path.Combine(folder, "model.safetensors"), "from elsewhere");
                break;
            case "manifest":
                TestFolder.Flip(manifest);
                break;
            case "link":
                File.Move(file, _folder.At("b.bin"));
                File.CreateSymbolicLink(file, _folder.At("b.bin"));
                break;
            case "emptied":
                Directory.GetFiles(folder).ToList().ForEach(File.Delete);
                break;
        }
    }
}
