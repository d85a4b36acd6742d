using System.Diagnostics;

namespace LoraAspire.EndToEndTests.Data;

/// <summary>A data set of three rows that data-build itself made, with text in it that a page or a terminal would obey.</summary>
public static class BuiltDataset
{
    private const string Records = """
        [{"instruction": "Who are you?", "output": "I am Pebble."},
         {"instruction": "Say <b>it</b>.", "output": "<script>alert(1)</script> \u001b[31mred 😀"},
         {"instruction": "你是谁？", "output": "我是小石。"}]
        """;

    private const string With = """
        prompt_template_name: plain
        train_on_inputs: false
        sources: [ alpaca: { path: records.json } ]
        """;

    /// <summary>A fresh folder with dataset.arrow.</summary>
    /// <param name="records">Others than those three.</param>
    public static async Task<string> MakeAsync(CancellationToken cancellationToken, string records = Records)
    {
        var folder = Directory.CreateTempSubdirectory("lora-built-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "records.json"), records, cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder, "with.yaml"), With, cancellationToken);
        var (code, said) = await RunAsync("LoraAspire.DataBuild", "LoraAspire.DataBuild.dll",
            ["once", "--with", Path.Combine(folder, "with.yaml"), "--input", $"base={Path.Combine(Built.Root, "models", "pebble")}",
                "--data", folder, "--out", Path.Combine(folder, "out")], cancellationToken);
        Assert.True(code == 0, said);
        return Path.Combine(folder, "out", "dataset");
    }

    /// <summary>A service or a command as it was built with the tests: exit code, and both its outputs.</summary>
    public static async Task<(int Code, string Said)> RunAsync(string project, string dll, string[] arguments,
        CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet",
            [Built.Assembly(Path.Combine("services", project), Path.GetFileNameWithoutExtension(dll)), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
            Environment = { ["ConnectionStrings__redis"] = null, ["OTEL_EXPORTER_OTLP_ENDPOINT"] = null },
        })!;
        var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(cancellationToken),
            process.StandardError.ReadToEndAsync(cancellationToken));
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, string.Concat(said));
    }
}
