using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Store;

/// <summary>
/// One order for a merger, whose base is a model of the user's and whose adapter is an artifact, and that names a data file besides.
/// </summary>
public sealed class StageInputsTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly string _adapter;
    private StageOrder _order;

    public StageInputsTests()
    {
        _adapter = _folder.Store.Publish(_folder.Output("one", "two"), ArtifactKind.Adapter, "trainer@3");
        _folder.Write("models/tiny/config.json", "{}");
        _folder.Write("data/a.json", "[1]");
        _order = new("run", DateTimeOffset.UtcNow, "merge", 1)
        {
            Pipeline = "test",
            Kind = "merger",
            Key = new('k', 64),
            With = JsonSerializer.SerializeToElement(new { }),
            Inputs = new Dictionary<string, InputArtifact>
            {
                ["base"] = new(_folder.Digests.OfModel("tiny"), "tiny"),
                ["adapter"] = new(_adapter)
            },
            DataFiles = new Dictionary<string, string> { ["a.json"] = _folder.Digests.OfData("a.json") },
        };
    }

    public void Dispose() => _folder.Dispose();

    private string AdapterFile => Path.Combine(_folder.Store.Folder(_adapter), "b.bin");

    private StageInputs Open() => StageInputs.Open(_order, StageKinds.Merger, _folder.Store, _folder.Digests, new Progress<StageProgress>(),
        TestContext.Current.CancellationToken);

    [Fact]
    public void Undisturbed_inputs_are_folders_before_and_the_same_after()
    {
        using var inputs = Open();

        Assert.Equal(_folder.At("models", "tiny"), inputs.Folders["base"]);
        Assert.Equal(_folder.Store.Folder(_adapter), inputs.Folders["adapter"]);
        inputs.RequireUnchanged(TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_flipped_bit_in_an_artifact_is_found_before_the_stage_begins()
    {
        TestFolder.Flip(AdapterFile);

        Assert.Equal(_adapter, Assert.Throws<LostArtifactException>(Open).Digest);
        Assert.Contains("b.bin has other bytes than were published", Assert.Single(_folder.Said), StringComparison.Ordinal);
    }

    [Fact]
    public void A_flipped_bit_in_an_artifact_is_found_after_the_stage_has_read_it()
    {
        using var inputs = Open();
        TestFolder.Flip(AdapterFile);

        Assert.Throws<LostArtifactException>(() => inputs.RequireUnchanged(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("data/a.json", "a.json")]
    [InlineData("models/tiny/config.json", "model:tiny")]
    public void What_was_changed_since_the_plan_is_told_before_the_stage_begins(string path, string name)
    {
        _folder.Write(path, "[2]");

        Assert.StartsWith($"{name} was changed after the run was submitted.", Assert.Throws<StageException>(Open).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("data/a.json", "a.json")]
    [InlineData("models/tiny/config.json", "model:tiny")]
    public void What_was_changed_while_the_stage_read_it_fails_the_attempt(string path, string name)
    {
        using var inputs = Open();
        _folder.Write(path, "[2]");

        var error = Assert.Throws<StageException>(() => inputs.RequireUnchanged(TestContext.Current.CancellationToken));

        Assert.StartsWith($"{name} was changed", error.Message, StringComparison.Ordinal);
        Assert.False(error.Transient);
    }

    [Theory]
    [InlineData("data/a.json", "[1]")]
    [InlineData("models/tiny/config.json", "{}")]
    public void What_was_changed_and_changed_back_may_be_tried_again_but_gives_no_result(string path, string text)
    {
        using var inputs = Open();
        _folder.Write(path, "[2]");
        _folder.Write(path, text);

        var error = Assert.Throws<StageException>(() => inputs.RequireUnchanged(TestContext.Current.CancellationToken));

        Assert.Contains("was written while the stage read it", error.Message, StringComparison.Ordinal);
        Assert.True(error.Transient);
    }

    [Fact]
    public void A_file_that_was_added_to_a_model_fails_the_attempt()
    {
        using var inputs = Open();
        _folder.Write("models/tiny/model.safetensors", "x");

        Assert.Throws<StageException>(() => inputs.RequireUnchanged(TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Another_mode_or_another_name_of_a_file_is_no_change()
    {
        using var inputs = Open();
        File.SetUnixFileMode(_folder.At("data", "a.json"), UnixFileMode.UserRead);
        _folder.HardLink("data/b.json", "data/a.json");

        inputs.RequireUnchanged(TestContext.Current.CancellationToken);
    }

    [Fact]
    public void An_artifact_of_another_kind_than_the_stage_takes_is_refused()
    {
        var dataset = _folder.Store.Publish(_folder.Output("rows"), ArtifactKind.Dataset, "data-build@3");
        _order = _order with { Inputs = new Dictionary<string, InputArtifact> { ["adapter"] = new(dataset) } };

        Assert.Equal($"Input 'adapter' of merger is dataset {dataset}, where an adapter is taken.",
            Assert.Throws<StoreException>(Open).Message);
    }

    [Theory]
    [InlineData("..")]
    [InlineData("/etc")]
    [InlineData("")]
    public void A_digest_that_is_a_path_is_refused(string digest)
    {
        _order = _order with { Inputs = new Dictionary<string, InputArtifact> { ["adapter"] = new(digest) } };

        Assert.Contains("is no artifact's digest", Assert.Throws<StoreException>(Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_stage_reads_cannot_be_removed_until_it_is_done()
    {
        using (Open())
        {
            Assert.Null(FolderLease.TryAlone(_folder.Store.Folder(_adapter)));
        }
        using var alone = FolderLease.TryAlone(_folder.Store.Folder(_adapter));
        Assert.NotNull(alone);
    }
}
