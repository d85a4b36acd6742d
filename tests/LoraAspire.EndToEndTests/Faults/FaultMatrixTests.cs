using System.Diagnostics;

namespace LoraAspire.EndToEndTests.Faults;

public sealed class FaultMatrixTests(ITestOutputHelper output)
{
    /// <summary>The whole matrix takes the better part of an hour: <c>./build.sh faults</c>.</summary>
    [Trait("Category", "Long")]
    [Fact]
    public async Task One_or_two_faults_of_each_kind_leave_runs_with_the_digests_of_an_undisturbed_one_or_in_words()
    {
        var start = new ProcessStartInfo("dotnet",
            [Built.Assembly(Path.Combine("benchmarks", "LoraAspire.Faults"), "faults"), "--short"])
        { RedirectStandardOutput = true };
        using var matrix = Process.Start(start)!;

        var said = await matrix.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await matrix.WaitForExitAsync(TestContext.Current.CancellationToken);

        output.WriteLine(said);
        Assert.True(matrix.ExitCode == 0, said);
        Assert.Contains("\"failed\":0", said);
    }
}
