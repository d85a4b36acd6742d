using Microsoft.Extensions.DependencyInjection;

namespace LoraAspire.AppHost.Terminal;

/// <summary>The end as the terminal shows it: services first, then the Redis that they use.</summary>
internal static class Stopping
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    public static async Task RunAsync(DistributedApplication app)
    {
        Screen.Note("Stopping...");
        var commands = app.Services.GetRequiredService<ResourceCommandService>();
        var services = app.Services.GetRequiredService<DistributedApplicationModel>().Resources.OfType<ProjectResource>();
        using var late = new CancellationTokenSource(s_patience);
        try
        {
            await Task.WhenAll(
                services.Select(service => commands.ExecuteCommandAsync(service, KnownResourceCommands.StopCommand, late.Token)));
        }
        catch (OperationCanceledException)
        {
            Screen.Warn($"Some services did not stop within {s_patience.TotalSeconds:0} s and are ended.");
        }
        await app.StopAsync(CancellationToken.None);
    }
}
