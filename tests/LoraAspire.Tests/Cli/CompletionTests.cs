using System.Diagnostics;
using LoraAspire.Cli;
using LoraAspire.Tests.Terminal;

namespace LoraAspire.Tests.Cli;

/// <summary>The scripts of <c>lora completion</c>, run by the shells that are here.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class CompletionTests : IDisposable
{
    private readonly CapturedTerminal _terminal = new();

    public void Dispose() => _terminal.Dispose();

    [Theory]
    [InlineData("lora comp", "compare completion")]
    [InlineData("lora runs --st", "--state")]
    [InlineData("lora runs --state fa", "failed")]
    [InlineData("lora data ins", "inspect")]
    [InlineData("lora nothing-of-that-na", "")]
    public async Task Bash_completes_commands_options_and_values(string line, string expected)
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "No bash is here.");
        Assert.Equal(0, await LoraCommand.RunAsync(["completion", "bash"]));

        // As readline calls it: the line, where the cursor stands in it, and its words.
        var said = await BashAsync($$"""
            {{_terminal.Out}}
            COMP_LINE='{{line}}' COMP_POINT={{line.Length}} COMP_WORDS=({{line}}) COMP_CWORD={{line.Split(' ').Length - 1}}
            _lora
            echo "${COMPREPLY[*]}"
            """);

        Assert.Equal(expected, said);
    }

    [Theory]
    [InlineData("zsh", "#compdef lora")]
    [InlineData("fish", "complete -c lora")]
    public async Task Other_shells_have_a_script_that_asks_lora(string shell, string words)
    {
        Assert.Equal(0, await LoraCommand.RunAsync(["completion", shell]));

        Assert.Contains(words, _terminal.Out, StringComparison.Ordinal);
        Assert.Contains("[suggest:", _terminal.Out, StringComparison.Ordinal);
        Assert.Equal(2, await LoraCommand.RunAsync(["completion", "tcsh"]));
    }

    private static async Task<string> BashAsync(string script)
    {
        ProcessStartInfo start = new("/bin/bash", ["-s"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The lora that these tests were built with stands beside them.
        start.Environment["PATH"] = AppContext.BaseDirectory + ":" + Environment.GetEnvironmentVariable("PATH");
        using var bash = Process.Start(start)!;
        await bash.StandardInput.WriteAsync(script);
        bash.StandardInput.Close();
        var trouble = bash.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var said = await bash.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bash.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("", await trouble);
        return said.Trim();
    }
}
