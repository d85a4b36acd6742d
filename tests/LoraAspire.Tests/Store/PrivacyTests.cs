using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Store;

public sealed class PrivacyTests : IDisposable
{
    private const UnixFileMode Others = (UnixFileMode)0x3F; // 077

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_a_service_and_its_stages_leave_in_the_store_is_for_its_user_alone()
    {
        PrivateFolder.MaskOthers();
        PrivateFolder.TryClaim(_folder.Paths.Store);
        TestFolder.Settle(_folder.Write("data/a.json", "[]"));
        _folder.Digests.OfData("a.json");
        var output = _folder.Output("one");
        Directory.CreateDirectory(Path.Combine(output, "tokenizer"));
        File.WriteAllText(Path.Combine(output, "tokenizer", "vocab.json"), "{}");
        var digest = _folder.Store.Publish(output, ArtifactKind.Adapter, "trainer@3");
        _folder.Store.Remember(new('a', 64), StageKinds.Trainer, new TrainerParams(),
            new Dictionary<string, string> { ["adapter"] = digest }, TestContext.Current.CancellationToken);
        new Deployments(_folder.Paths.Store).Deploy("mine", _folder.Store.Folder(digest));
        File.WriteAllText(Path.Combine(PrivateFolder.Create(_folder.Store.CheckpointDir(new('a', 64))), "metrics.jsonl"), "{}");

        Assert.All(Directory.GetFileSystemEntries(_folder.Paths.Store, "*", SearchOption.AllDirectories).Append(_folder.Paths.Store),
            path => Assert.Equal((path, UnixFileMode.None), (path, File.GetUnixFileMode(path) & Others)));
    }

    [Fact]
    public void A_store_that_an_earlier_version_left_open_is_closed()
    {
        Directory.CreateDirectory(_folder.Paths.Store, (UnixFileMode)0x1ED);

        PrivateFolder.TryClaim(_folder.Paths.Store);

        Assert.Equal(PrivateFolder.FolderMode, File.GetUnixFileMode(_folder.Paths.Store));
    }
}
