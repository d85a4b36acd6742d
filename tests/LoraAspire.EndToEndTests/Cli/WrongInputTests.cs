using System.Diagnostics;

namespace LoraAspire.EndToEndTests.Cli;

/// <summary>
/// What is wrong on the command line of `lora`, or in the state folder that it looks into, is answered in words, at once.
/// </summary>
public sealed class WrongInputTests : IDisposable
{
    private static readonly TimeSpan s_atOnce = TimeSpan.FromSeconds(30);

    private readonly string _state = Directory.CreateTempSubdirectory("lora-cli-").FullName;

    public void Dispose() => Directory.Delete(_state, recursive: true);

    [Theory]
    [InlineData(2, "--days is a number", "gc", "--days", "99999999999")]
    [InlineData(2, "--days is a number", "gc", "--days", "abc")]
    [InlineData(2, "write an address such as", "chat", "--url", "notaurl")]
    [InlineData(2, "write an address such as", "chat", "--url", "file:///etc/passwd")]
    [InlineData(1, "is a folder", "check", "/tmp")]
    public async Task A_wrong_argument_is_answered_in_words(int code, string words, params string[] arguments) =>
        await RefusesAsync(code, words, arguments);

    [Theory]
    [InlineData("""{"redis":"","lab":"","chat":"","pid":1}""")]
    [InlineData("""{"redis":"localhost:1","lab":"http://localhost:1","chat":"not a url","pid":1}""")]
    [InlineData("""{"redis":"localhost:1","lab":"http://localhost:1","chat":"file:///x","pid":1}""")]
    [InlineData("""{"redis":null}""")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    public async Task An_address_file_that_the_AppHost_did_not_write_is_named(string text)
    {
        await File.WriteAllTextAsync(Path.Combine(_state, "apphost.json"), text, TestContext.Current.CancellationToken);

        await RefusesAsync(1, "apphost.json is not what the AppHost writes", "runs");
        await RefusesAsync(1, "apphost.json is not what the AppHost writes", "chat");
    }

    [Theory]
    [InlineData("localhost:99999999")]
    [InlineData("localhost:1,bogus=1")]
    public async Task An_address_of_Redis_that_is_none_is_named(string redis)
    {
        await File.WriteAllTextAsync(Path.Combine(_state, "apphost.json"),
            $$"""{"redis":"{{redis}}","lab":"http://localhost:1","chat":"http://localhost:1","pid":1}""",
            TestContext.Current.CancellationToken);

        await RefusesAsync(1, "The address of Redis", "runs");
    }

    [Fact]
    public async Task A_pipe_in_the_place_of_the_address_file_is_not_waited_for()
    {
        using (var made = Process.Start("mkfifo", [Path.Combine(_state, "apphost.json")]))
        {
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await RefusesAsync(1, "is a named pipe, where a file belongs", "runs");
    }

    private async Task RefusesAsync(int code, string words, params string[] arguments)
    {
        using var lora = Process.Start(new ProcessStartInfo("dotnet", [Built.Assembly("services/LoraAspire.Cli", "lora"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["ConnectionStrings__redis"] = null, ["LORA_STATE"] = _state },
        })!;
        var said = Task.WhenAll(lora.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken),
            lora.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        try
        {
            await lora.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(s_atOnce, TestContext.Current.CancellationToken);
        }
        finally
        {
            lora.Kill();
        }

        var all = string.Concat(await said);
        Assert.Equal((code, true), (lora.ExitCode, all.Contains(words, StringComparison.Ordinal)));
        Assert.DoesNotContain("   at ", all);
    }
}
