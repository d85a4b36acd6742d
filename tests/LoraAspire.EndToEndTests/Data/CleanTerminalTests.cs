namespace LoraAspire.EndToEndTests.Data;

/// <summary>What others wrote (keys, paths, names of columns) shows on a terminal and moves nothing there.</summary>
public sealed class CleanTerminalTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_pipeline_and_its_name_reach_the_terminal_of_lora_check_without_escape_sequences()
    {
        var folder = Directory.CreateTempSubdirectory("lora-ansi-").FullName;
        var file = Path.Combine(folder, "p\u001b[31m.yaml");
        await File.WriteAllTextAsync(file, "name: \u001b]0;T\u0007\nstages:\n  - id: a\n    uses: \"tr\u001b[2J\u009b31mainer\"\n",
            Cancelled);

        var (code, said) = await BuiltDataset.RunAsync("LoraAspire.Cli", "lora.dll", ["check", file], Cancelled);

        Assert.Equal(5, code);
        Assert.Contains("p␛[31m.yaml:1:7: error: ", said);
        AssertClean(said);
    }

    [Fact]
    public async Task A_column_of_a_data_file_reaches_the_terminal_of_data_build_without_escape_sequences()
    {
        var folder = Directory.CreateTempSubdirectory("lora-ansi-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "esc.json"), """[{"\u001b[31mRED\u001b]0;T\u0007\u202e<b>x":"a"}]""", Cancelled);
        await File.WriteAllTextAsync(Path.Combine(folder, "w.yaml"), "sources:\n  - alpaca: { path: esc.json }\n", Cancelled);

        var (code, said) = await BuiltDataset.RunAsync("LoraAspire.DataBuild", "LoraAspire.DataBuild.dll",
            ["once", "--with", Path.Combine(folder, "w.yaml"), "--input", "base=" + Path.Combine(Built.Root, "models", "pebble"), "--data",
                folder, "--out", Path.Combine(folder, "out")], Cancelled);

        Assert.Equal(1, code);
        Assert.Contains("␛[31mRED␛]0;T␇⟨U+202E⟩<b>x", said);
        AssertClean(said);
    }

    private static void AssertClean(string said) =>
        Assert.DoesNotContain(said, letter => (char.IsControl(letter) && letter is not ('\n' or '\t' or '\r')) || letter is '\u202e');
}
