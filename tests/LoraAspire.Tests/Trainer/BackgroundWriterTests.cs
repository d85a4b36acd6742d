using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Trainer;

public sealed class BackgroundWriterTests
{
    [Fact]
    public void Training_goes_on_while_a_checkpoint_is_written_and_the_next_one_waits_for_it()
    {
        using var gate = new ManualResetEventSlim();
        List<int> written = [];
        using var writer = new BackgroundWriter();

        writer.Begin(() =>
        {
            gate.Wait(TestContext.Current.CancellationToken);
            written.Add(1);
        });
        Assert.Empty(written);
        gate.Set();
        writer.Begin(() => written.Add(2));
        writer.Join();

        Assert.Equal([1, 2], written);
    }

    [Fact]
    public void An_error_surfaces_when_the_next_one_begins()
    {
        using var writer = new BackgroundWriter();
        writer.Begin(() => throw new IOException("No space left on device"));

        Assert.Contains("No space", Assert.Throws<IOException>(() => writer.Begin(() => Assert.Fail("it must not be begun"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_written_once_it_is_disposed()
    {
        var written = false;
        var writer = new BackgroundWriter();
        writer.Begin(() =>
        {
            Thread.Yield();
            written = true;
        });

        writer.Dispose();

        Assert.True(written);
    }
}
