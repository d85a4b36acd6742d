using LoraAspire.Lab.ChatPages;
using LoraAspire.Runtime.Runs;
using StackExchange.Redis;

namespace LoraAspire.Lab.Layout;

/// <summary>
/// Looks at the runs and at the models once while nobody waits for it: to connect, and to compile what reads them, takes a second or two
/// that the first page would have to wait.
/// </summary>
public sealed partial class EarlyLook(RunBoard board, ChatApi chat, ILogger<EarlyLook> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // the lab listens meanwhile
        try
        {
            await board.LookAsync();
            if (chat.IsKnown)
            {
                await chat.ModelsAsync(stoppingToken);
            }
        }
        catch (Exception away) when (away is RedisException or TimeoutException or ChatTroubleException or OperationCanceledException)
        {
            Failed(away.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Not all is there yet; a page that wants it will ask again: {Problem}")]
    private partial void Failed(string problem);
}
