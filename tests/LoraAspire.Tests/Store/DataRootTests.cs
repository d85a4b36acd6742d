using LoraAspire.Runtime.Stages;

namespace LoraAspire.Tests.Store;

public sealed class DataRootTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly DataRoot _data;

    public DataRootTests() => _data = new(_folder.Paths.Data);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_a_hard_link_and_a_link_within_the_root_are_files()
    {
        _folder.Write("elsewhere/a.json", "[]");
        var file = _folder.Write("data/deep/a.json", "[]");
        _folder.Link("data/way", "deep");
        _folder.Link("data/b.json", "way/a.json");
        _folder.HardLink("data/c.json", "elsewhere/a.json");

        Assert.Equal(file, _data.Resolve("deep/a.json"));
        Assert.Equal(_folder.At("data", "b.json"), _data.Resolve("b.json"));
        Assert.Equal(_folder.At("data", "way", "a.json"), _data.Resolve("way/../way/a.json"));
        Assert.Equal(_folder.At("data", "c.json"), _data.Resolve("c.json"));
    }

    [Theory]
    [InlineData("../elsewhere/a.json", "leaves the data root")]
    [InlineData("/etc/hostname", "leaves the data root")]
    [InlineData("a\0.json", "holds a NUL")]
    [InlineData("none.json", "No file 'none.json' under the data root")]
    [InlineData("deep", "is a folder, not a file")]
    [InlineData("dangling.json", "is a link to ../gone.json, and nothing is there")]
    [InlineData("circle.json", "can't be looked at")]
    [InlineData("pipe.json", "is a named pipe, not a file")]
    [InlineData("socket.json", "is a socket, not a file")]
    [InlineData("device.json", "is a device, not a file")]
    [InlineData("out.json", "is a link to a file outside the data root")]
    [InlineData("outway/a.json", "is a link to a file outside the data root")]
    [InlineData("hidden-out.json", "is a link to a file outside the data root")]
    [InlineData("deep/a.json/b", "No file")]
    public async Task Anything_else_is_told_in_words_and_not_waited_for(string path, string words)
    {
        _folder.Write("elsewhere/a.json", "[]");
        _folder.Write("data/deep/a.json", "[]");
        _folder.Link("data/dangling.json", "../gone.json");
        _folder.Link("data/circle.json", "circle2.json");
        _folder.Link("data/circle2.json", "circle.json");
        _folder.Pipe("data/pipe.json");
        _folder.Socket("data/socket.json");
        _folder.Link("data/device.json", "/dev/null");
        _folder.Link("data/out.json", "../elsewhere/a.json");
        _folder.Link("data/outway", "../elsewhere");
        // Inside by its letters, outside by what the folder on its way is.
        _folder.Link("data/hidden-out.json", "outway/a.json");

        var error = await Assert.ThrowsAsync<StageException>(() => Task.Run(() => _data.Resolve(path),
            TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));

        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Equal(error.Message, _folder.Digests.References.DataFile(path));
    }

    [Fact]
    public void A_name_longer_than_any_file_can_have_is_told_in_words() =>
        Assert.NotNull(_folder.Digests.References.DataFile(new string('x', 5000)));
}
