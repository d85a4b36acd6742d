using LoraAspire.Lab.ChatPages;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.Lab.Layout;

/// <summary>
/// Looks at the runs, at what the last ones told, and at the models once while nobody waits for it: to connect, and to compile what reads
/// them, takes a second or two that the first page would have to wait.
/// </summary>
/// <param name="services">What looks is made late: what can't be made is a page's to say, and no reason for the lab not to start.</param>
public sealed partial class EarlyLook(IServiceProvider services, ILogger<EarlyLook> logger) : BackgroundService
{
    /// <summary>Of so many runs what they told, too: its reading is most of what a page of curves takes.</summary>
    private const int ReadThrough = 3;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // the lab listens meanwhile
        try
        {
            var client = services.GetRequiredService<RunClient>();
            foreach (var run in (await services.GetRequiredService<RunBoard>().LookAsync()).Runs.Take(ReadThrough))
            {
                await client.ProgressAsync(run.Id);
            }
            if (services.GetRequiredService<ChatApi>() is { IsKnown: true } chat)
            {
                await chat.ModelsAsync(stoppingToken);
            }
        }
        catch (Exception fault)
        {
            // Whatever it is, the page that meets it tells it to somebody.
            Failed(fault.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Not all is there yet; a page that wants it will ask again: {Problem}")]
    private partial void Failed(string problem);
}
