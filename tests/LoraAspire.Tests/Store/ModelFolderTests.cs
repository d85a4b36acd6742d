using LoraAspire.Runtime.Stages;

namespace LoraAspire.Tests.Store;

/// <summary>Model folders as people have them, and as attackers make them.</summary>
public sealed class ModelFolderTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_link_to_a_Hugging_Face_cache_snapshot_is_the_model_that_its_files_are()
    {
        _folder.Write("models/plain/config.json", "{}");
        _folder.Write("models/plain/model.safetensors", "weights");
        _folder.Write("hub/models--lab--tiny/blobs/11", "{}");
        _folder.Write("hub/models--lab--tiny/blobs/12", "weights");
        _folder.Link("hub/models--lab--tiny/snapshots/abc/config.json", "../../blobs/11");
        _folder.Link("hub/models--lab--tiny/snapshots/abc/model.safetensors", "../../blobs/12");
        _folder.Link("models/linked", "../hub/models--lab--tiny/snapshots/abc");

        Assert.Equal(_folder.Digests.OfModel("plain"), _folder.Digests.OfModel("linked"));
        Assert.Null(_folder.Digests.References.Model("linked"));
    }

    [Fact]
    public void A_snapshot_may_hold_folders_and_stand_under_the_models_root_itself()
    {
        _folder.Write("models/plain/tokenizer/vocab.json", "{}");
        _folder.Write("models/models--lab--tiny/blobs/11", "{}");
        _folder.Link("models/models--lab--tiny/snapshots/abc/tokenizer/vocab.json", "../../../blobs/11");
        _folder.Link("models/linked", "models--lab--tiny/snapshots/abc");

        Assert.Equal(_folder.Digests.OfModel("plain"), _folder.Digests.OfModel("linked"));
    }

    [Fact]
    public void Weights_may_lie_on_another_disk_and_a_file_of_another_model_may_be_shared()
    {
        _folder.Write("elsewhere/7b.safetensors", "weights");
        _folder.Write("models/other/tokenizer.model", "words");
        _folder.Write("models/plain/model.safetensors", "weights");
        _folder.Write("models/plain/tokenizer.model", "words");
        _folder.Link("models/mine/model.safetensors", _folder.At("elsewhere", "7b.safetensors"));
        _folder.Link("models/mine/tokenizer.model", "../other/tokenizer.model");

        Assert.Equal(_folder.Digests.OfModel("plain"), _folder.Digests.OfModel("mine"));
    }

    [Fact]
    public void A_hard_link_is_a_file()
    {
        _folder.Write("elsewhere/secret.json", "{}");
        _folder.Write("models/plain/config.json", "{}");
        Directory.CreateDirectory(_folder.At("models", "mine"));
        _folder.HardLink("models/mine/config.json", "elsewhere/secret.json");

        Assert.Equal(_folder.Digests.OfModel("plain"), _folder.Digests.OfModel("mine"));
    }

    [Fact]
    public void Hidden_files_are_no_part_of_a_model_whatever_they_are()
    {
        _folder.Write("models/plain/config.json", "{}");
        _folder.Write("models/mine/config.json", "{}");
        _folder.Pipe("models/mine/.cache/pipe");
        _folder.Link("models/mine/.lock", "nowhere");

        Assert.Equal(_folder.Digests.OfModel("plain"), _folder.Digests.OfModel("mine"));
    }

    [Fact]
    public void A_link_to_nothing_is_told_with_its_target()
    {
        _folder.Write("models/mine/config.json", "{}");
        _folder.Link("models/mine/tokenizer.model", "../../blobs/99");

        Refused("model:mine: 'tokenizer.model' is a link to ../../blobs/99, and nothing is there. Download the model again, or remove "
            + "the link.");
    }

    [Fact]
    public void A_circle_of_links_is_told_and_not_followed()
    {
        _folder.Write("models/mine/config.json", "{}");
        _folder.Link("models/mine/a", "b");
        _folder.Link("models/mine/b", "a");

        Refused("is a link that leads back to itself");
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("../../models/mine/sub")]
    public void A_link_to_a_folder_above_is_told_and_not_followed(string target)
    {
        _folder.Write("models/mine/sub/config.json", "{}");
        _folder.Link("models/mine/sub/again", target);

        Refused(target == ".." ? "'sub/again' is a link to a folder above it" : "'sub/again");
    }

    [Fact]
    public void Links_that_multiply_end_with_a_number()
    {
        _folder.Write("models/mine/0/config.json", "{}");
        for (var level = 1; level < 20; level++)
        {
            _folder.Link($"models/mine/{level}/a", $"../{level - 1}");
            _folder.Link($"models/mine/{level}/b", $"../{level - 1}");
        }

        Refused("it holds more than 10000 files");
    }

    [Theory]
    [InlineData("secret.txt")]
    [InlineData("secret.safetensors")]
    public void A_link_out_of_the_model_is_refused_unless_both_ends_are_weights(string target)
    {
        _folder.Write("models/mine/config.json", "{}");
        _folder.Write($"elsewhere/{target}", "key");
        _folder.Link("models/mine/tokenizer_config.json", _folder.At("elsewhere", target));

        Refused($"'tokenizer_config.json' leads to {_folder.At("elsewhere", target)}, outside the folder and the models root");
    }

    [Fact]
    public void A_link_out_through_a_folder_that_is_a_link_is_refused_too()
    {
        _folder.Write("elsewhere/deep/secret.txt", "key");
        _folder.Write("models/mine/config.json", "{}");
        _folder.Link("models/mine/.way", _folder.At("elsewhere"));
        _folder.Link("models/mine/vocab.json", ".way/deep/secret.txt");

        Refused($"'vocab.json' leads to {_folder.At("elsewhere", "deep", "secret.txt")}");
    }

    [Fact]
    public async Task A_pipe_or_a_socket_is_refused_and_nobody_waits_for_it()
    {
        _folder.Pipe("models/piped/model.safetensors");
        _folder.Socket("models/talking/model.safetensors");
        _folder.Write("models/linked/config.json", "{}");
        _folder.Link("models/linked/null.bin", "/dev/null");

        foreach (var (name, kind) in new[] { ("piped", "a named pipe"), ("talking", "a socket"), ("linked", "/dev/null") })
        {
            var error = await Assert.ThrowsAsync<StageException>(() => Task.Run(() => _folder.Digests.OfModel(name),
                TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
            Assert.Contains(kind, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_unreadable_file_is_told_with_its_path()
    {
        Assert.SkipWhen(Environment.UserName == "root", "root reads everything");
        File.SetUnixFileMode(_folder.Write("models/mine/config.json", "{}"), UnixFileMode.None);

        Assert.Contains("models/mine/config.json",
            Assert.Throws<UnauthorizedAccessException>(() => _folder.Digests.OfModel("mine")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../data")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a\0b")]
    [InlineData("")]
    [InlineData("/etc")]
    public void A_name_that_is_no_folder_directly_below_the_root_is_refused(string name) =>
        Assert.Contains("names no folder directly under the models root",
            Assert.Throws<StageException>(() => _folder.Digests.OfModel(name)).Message, StringComparison.Ordinal);

    /// <summary>By the check before a run and by the digest alike.</summary>
    private void Refused(string words)
    {
        Assert.Contains(words, Assert.Throws<StageException>(() => _folder.Digests.OfModel("mine")).Message, StringComparison.Ordinal);
        Assert.Contains(words, _folder.Digests.References.Model("mine")!, StringComparison.Ordinal);
    }
}
