using LoraAspire.AppHost.Terminal;

namespace LoraAspire.Tests.Terminal;

public sealed class ReplicasTests
{
    [Fact]
    public void Each_kind_is_named_with_its_number_and_the_last_word_counts()
    {
        var options = Parse(
            ["--replicas", "trainer=2", "--replicas", "data-build=3", "--replicas", "coordinator=2", "--replicas", "trainer=4"],
            out var exitCode);

        Assert.Equal(0, exitCode);
        Assert.Equal([("coordinator", 2), ("data-build", 3), ("trainer", 4)],
            options!.Replicas.Select(one => (one.Key, one.Value)).OrderBy(one => one.Key, StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("trainer")]
    [InlineData("trainer=0")]
    [InlineData("trainer=65")]
    [InlineData("trainer=two")]
    [InlineData("chat=2")]
    [InlineData("lab=2")]
    public void What_is_no_kind_with_a_number_is_refused(string given)
    {
        Assert.Null(Parse(["--replicas", given], out var exitCode));
        Assert.NotEqual(0, exitCode);
    }

    private static AppHostOptions? Parse(string[] args, out int exitCode) =>
        AppHostOptions.Parse(["--lab-port", "0", "--chat-port", "0", "--dashboard-port", "0", .. args], out exitCode);
}
