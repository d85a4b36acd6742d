namespace LoraAspire.AppHost.Terminal;

internal sealed class PipelineRun
{
    public static PipelineRun? Check(FileInfo file) => null;
    public Task<bool> RunAsync(string redis, AppHostFolders folders, CancellationToken cancellationToken) => Task.FromResult(false);
}
