using LoraAspire.Pipelines.Messages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Store;

public sealed class FailureTests
{
    [Fact]
    public void A_full_disk_is_told_as_one_and_may_pass()
    {
        // The kernel's own full disk.
        var error = Assert.Throws<IOException>(() => File.WriteAllBytes("/dev/full", new byte[10]));

        var (cause, words) = Failure.Of(error);

        Assert.Equal(FailureCause.Transient, cause);
        Assert.StartsWith("No disk space left: ", words, StringComparison.Ordinal);
        Assert.Contains("`lora gc`", words, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bundle_from_many_threads_is_told_by_its_most_telling_part()
    {
        AggregateException bundle = new(new OperationCanceledException(), new InvalidOperationException("odd"),
            new AggregateException(new StageException("row 7 is no JSON")));

        Assert.Equal((FailureCause.Permanent, "row 7 is no JSON"), Failure.Of(bundle));
        Assert.Equal((FailureCause.Permanent, "A fault of LoraAspire, please report it: InvalidOperationException: odd"),
            Failure.Of(new AggregateException(new OperationCanceledException(), new InvalidOperationException("odd"))));
        Assert.Contains("AggregateException", Failure.Of(new AggregateException("nothing in it")).Words, StringComparison.Ordinal);
    }

    [Fact]
    public void A_check_of_room_says_how_much_is_missing()
    {
        var folder = Path.GetTempPath();
        var free = DiskSpace.Free(folder);
        DiskSpace.Require(folder, free / 2, "A checkpoint");

        var error = Assert.Throws<StageException>(() => DiskSpace.Require(folder, free + 5_000_000_000_000, "The merged model"));

        Assert.Matches(@"^The merged model needs [\d.]+ TB, and the disk of .* has [\d.]+ [kMGT]B free: 5\.\d TB are missing\. Make room",
            error.Message);
        Assert.True(error.Transient);
    }

    [Theory]
    [InlineData(0, "0 bytes")]
    [InlineData(999, "999 bytes")]
    [InlineData(1000, "1.0 kB")]
    [InlineData(999_949, "999.9 kB")]
    [InlineData(999_950, "1.0 MB")]
    [InlineData(13_476_000_000, "13.5 GB")]
    public void Sizes_are_told_with_one_digit(long bytes, string words) => Assert.Equal(words, DiskSpace.Words(bytes));
}
