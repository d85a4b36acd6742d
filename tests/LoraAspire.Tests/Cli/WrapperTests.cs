using System.Diagnostics;

namespace LoraAspire.Tests.Cli;

/// <summary>
/// The script <c>./lora</c>, over a checkout that holds no more than what it looks for, and a <c>dotnet</c> that repeats its words.
/// </summary>
public sealed class WrapperTests : IDisposable
{
    private const string Program = "services/LoraAspire.Cli/bin/Debug/net10.0/linux-any/lora.dll";

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-wrapper-").FullName;

    public WrapperTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The folder of a build is named for Linux here.");
        Script("dotnet", "#!/bin/sh\necho \"$$ $@\"\n");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_copied_checkout_runs_in_its_own_folder()
    {
        var (one, two) = (Checkout("one"), Checkout("two"));

        Assert.EndsWith($" {one}/{Program} runs -q", (await SayAsync($"{one}/lora")).Said);
        Assert.EndsWith($" {two}/{Program} runs -q", (await SayAsync($"{two}/lora")).Said);
    }

    [Fact]
    public async Task A_link_leads_to_the_checkout_through_other_links_too()
    {
        var checkout = Checkout("one");
        var bin = Directory.CreateDirectory(Path.Combine(_folder, "home", "bin")).FullName;
        File.CreateSymbolicLink(Path.Combine(bin, "first"), Path.Combine(checkout, "lora"));
        File.CreateSymbolicLink(Path.Combine(bin, "lora"), "first");

        Assert.EndsWith($" {checkout}/{Program} runs -q",
            (await SayAsync(Path.Combine(bin, "lora"))).Said);
    }

    [Fact]
    public async Task The_program_takes_the_place_of_the_shell()
    {
        var (pid, said) = await SayAsync($"{Checkout("one")}/lora");

        Assert.StartsWith($"{pid} ", said);
    }

    private string Checkout(string name)
    {
        Directory.CreateDirectory(Path.Combine(_folder, name, "services", "shared"));
        var program = Path.Combine(_folder, name, Program);
        Directory.CreateDirectory(Path.GetDirectoryName(program)!);
        File.WriteAllText(program, "");
        return Path.GetDirectoryName(Script($"{name}/lora",
            File.ReadAllText(Path.Combine(LoraAspire.Runtime.LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!, "lora"))))!;
    }

    private string Script(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    private async Task<(int Pid, string Said)> SayAsync(string program)
    {
        ProcessStartInfo start = new("/bin/sh", [program, "runs", "-q"]) { RedirectStandardOutput = true, WorkingDirectory = _folder };
        start.Environment["PATH"] = $"{_folder}:{Environment.GetEnvironmentVariable("PATH")}";
        using var process = Process.Start(start)!;
        var said = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.Id, said.TrimEnd());
    }
}
