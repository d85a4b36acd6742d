using LoraAspire.Runtime.Stages;

namespace LoraAspire.Tests.Store;

/// <summary>Files that somebody sends to a page.</summary>
public sealed class DataUploadTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-upload-").FullName;

    [Fact]
    public async Task A_file_lies_under_the_data_root_as_it_was_sent_and_a_pipeline_can_name_it()
    {
        var path = await SaveAsync("数据 1.jsonl", "{}\n");

        Assert.Equal("data/数据 1.jsonl", path);
        Assert.Equal("{}\n", await File.ReadAllTextAsync(new DataRoot(_folder).Resolve(path), TestContext.Current.CancellationToken));
        Assert.Single(Directory.GetFiles(Path.Combine(_folder, "data")));
    }

    [Theory]
    [InlineData("../rows.json")]
    [InlineData("a/rows.json")]
    [InlineData(@"a\rows.json")]
    [InlineData(".rows.json")]
    [InlineData("..json")]
    [InlineData("rows.sh")]
    [InlineData("rows.json\0.sh")]
    [InlineData("rows\n.json")]
    [InlineData("json")]
    [InlineData("")]
    public async Task A_name_that_is_a_path_hidden_or_of_another_kind_is_refused_and_nothing_is_written(string name)
    {
        await Assert.ThrowsAsync<StageException>(() => SaveAsync(name, "{}"));

        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task A_file_that_is_there_stays_as_it_is()
    {
        await SaveAsync("rows.json", "first");

        var error = await Assert.ThrowsAsync<StageException>(() => SaveAsync("rows.json", "second"));

        Assert.Contains("data/rows.json is there already", error.Message);
        Assert.Equal("first",
            await File.ReadAllTextAsync(Path.Combine(_folder, "data", "rows.json"), TestContext.Current.CancellationToken));
        Assert.Single(Directory.GetFiles(Path.Combine(_folder, "data")));
    }

    [Fact]
    public async Task Of_several_who_send_the_same_name_at_once_one_has_it_and_the_others_hear_so()
    {
        const int Senders = 4, Rounds = 20;
        for (var round = 0; round < Rounds; round++)
        {
            using Barrier end = new(Senders);
            var name = $"{round}.json";
            var sent = await Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => Task.Factory.StartNew(() =>
                Record.Exception(() => new DataUpload(new(_folder)).SaveAsync(name, new Together((byte)('a' + sender), end),
                    TestContext.Current.CancellationToken).GetAwaiter().GetResult()), TaskCreationOptions.LongRunning)));

            var winner = Assert.Single(Enumerable.Range(0, Senders), sender => sent[sender] is null);
            Assert.All(sent.OfType<Exception>(), error =>
                Assert.Contains("is there already", Assert.IsType<StageException>(error).Message, StringComparison.Ordinal));
            Assert.Equal($"{(char)('a' + winner)}",
                await File.ReadAllTextAsync(Path.Combine(_folder, "data", name), TestContext.Current.CancellationToken));
        }
        Assert.Equal(Rounds, Directory.GetFiles(Path.Combine(_folder, "data")).Length);
    }

    [Fact]
    public async Task A_link_is_not_followed_out_of_the_data_root()
    {
        var outside = Directory.CreateTempSubdirectory("lora-outside-").FullName;
        Directory.CreateSymbolicLink(Path.Combine(_folder, "data"), outside);

        await Assert.ThrowsAsync<StageException>(() => SaveAsync("rows.json", "{}"));

        Assert.Empty(Directory.GetFileSystemEntries(outside));
        Directory.Delete(outside);
    }

    [Fact]
    public async Task Nothing_is_left_of_what_breaks_off_or_is_too_large()
    {
        DataUpload upload = new(new(_folder)) { Most = 100_000 };
        await Assert.ThrowsAsync<StageException>(
            () => upload.SaveAsync("large.json", new Zeros(upload.Most + 1), TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<IOException>(
            () => upload.SaveAsync("cut.json", new Zeros(-1), TestContext.Current.CancellationToken));

        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "data")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Task<string> SaveAsync(string name, string text) => new DataUpload(new(_folder)).SaveAsync(
        name, new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text)), TestContext.Current.CancellationToken);

    /// <summary>One byte, whose end comes to all who share the barrier at once.</summary>
    private sealed class Together(byte content, Barrier end) : OnlyRead
    {
        private bool _isRead;

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (_isRead)
            {
                end.SignalAndWait();
                return 0;
            }
            (buffer[offset], _isRead) = (content, true);
            return 1;
        }
    }

    /// <summary>So many bytes that are never held; of a negative number, a connection that breaks.</summary>
    private sealed class Zeros(long left) : OnlyRead
    {
        private long _left = left;

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (_left < 0)
            {
                throw new IOException("broken off");
            }
            var read = (int)Math.Min(count, _left);
            _left -= read;
            return read;
        }
    }

    private abstract class OnlyRead : Stream
    {
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
