using System.Diagnostics;

namespace LoraAspire.Tests.Store;

public sealed class PipeInputTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_stage_that_is_run_once_refuses_a_folder_with_a_named_pipe_instead_of_waiting_for_its_writer()
    {
        _folder.Write("model/config.json", "{}");
        _folder.Pipe("model/model.safetensors");
        using var process = Process.Start(new ProcessStartInfo("dotnet",
            [Path.Combine(AppContext.BaseDirectory, "LoraAspire.Merger.dll"), "once", "--input", $"base={_folder.At("model")}", "--input",
                $"adapter={_folder.At("model")}", "--out", _folder.At("out")])
        { RedirectStandardError = true })!;

        var said = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(1, process.ExitCode);
        Assert.Contains("'model.safetensors' is a named pipe", said, StringComparison.Ordinal);
    }
}
