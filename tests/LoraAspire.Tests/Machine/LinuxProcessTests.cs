using LoraAspire.Machine;
using LoraAspire.Machine.Gpu;

namespace LoraAspire.Tests.Machine;

/// <summary>Whose a process is, from what the kernel shows.</summary>
public sealed class LinuxProcessTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lora-proc-").FullName;

    private string Passwd => Path.Combine(folder, "passwd");

    public LinuxProcessTests()
    {
        File.WriteAllText(Passwd, "root:x:0:0:root:/root:/bin/bash\n# nobody\n\nada:x:1000:1000:Ada:/home/ada:/bin/bash\n");
        Shown(7, 1, "1000\t1000\t1000\t1000");
        Shown(8, 7, "1000\t0\t0\t0");
        Shown(9, 8, "1000\t4711\t4711\t4711");
        Shown(1, 0, "0\t0\t0\t0");
        Shown(20, 20, "0\t0\t0\t0");
    }

    [Fact]
    public void Its_user_is_who_it_computes_as_by_name()
    {
        Assert.Equal("ada", LinuxProcess.Of(7, folder, Passwd).User);
        Assert.Equal("root", LinuxProcess.Of(8, folder, Passwd).User);
    }

    [Fact]
    public void A_user_without_a_name_and_a_process_that_is_gone_are_unknown()
    {
        Assert.Null(LinuxProcess.Of(9, folder, Passwd).User);
        Assert.Null(LinuxProcess.Of(7, folder, Path.Combine(folder, "none")).User);
        var gone = LinuxProcess.Of(99, folder, Passwd);
        Assert.Null(gone.User);
        Assert.Empty(gone.Ancestors);
    }

    [Fact]
    public void Those_it_comes_from_are_told_up_to_the_first_and_no_further()
    {
        Assert.Equal([8, 7, 1], LinuxProcess.Of(9, folder, Passwd).Ancestors);
        Assert.Equal(64, LinuxProcess.Of(20, folder, Passwd).Ancestors.Count); // one that would lead round for ever
    }

    [Fact]
    public void This_process_has_a_name_and_was_started_by_another()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems show no /proc");

        var process = GpuProcess.Of(Environment.ProcessId, 10);

        Assert.NotNull(process.Name);
        Assert.NotEmpty(process.Ancestors);
        Assert.Equal(LinuxProcess.Of(Environment.ProcessId).User, process.User);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private void Shown(int id, int parent, string users) => File.WriteAllText(
        Path.Combine(Directory.CreateDirectory(Path.Combine(folder, $"{id}")).FullName, "status"),
        $"Name:\tdotnet\nPid:\t{id}\nPPid:\t{parent}\nUid:\t{users}\nGid:\t0\t0\t0\t0\n");
}
