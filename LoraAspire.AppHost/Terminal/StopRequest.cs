using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace LoraAspire.AppHost.Terminal;

/// <summary>Somebody wants the app to stop. Heard before anything stops, so that services can end before the Redis they use.</summary>
internal sealed class StopRequest : IDisposable
{
    private readonly CancellationTokenSource _asked = new();

    public CancellationToken Token => _asked.Token;

    public bool IsAsked => _asked.IsCancellationRequested;

    /// <returns>False when it was asked before.</returns>
    public bool Ask()
    {
        if (IsAsked)
        {
            return false;
        }
        _asked.Cancel();
        return true;
    }

    public void Dispose() => _asked.Dispose();
}

/// <summary>
/// Takes the signals in place of the host's own lifetime, which would stop Redis first. A second signal stops without order.
/// </summary>
internal sealed class SignalLifetime(StopRequest stop, IHostApplicationLifetime application) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _signals = [];

    /// <summary>Not in a test's process, whose signals are not ours.</summary>
    public static void AddTo(IDistributedApplicationBuilder builder)
    {
        builder.Services.AddSingleton<StopRequest>();
        if (builder.ExecutionContext.IsRunMode && typeof(SignalLifetime).Assembly == System.Reflection.Assembly.GetEntryAssembly())
        {
            builder.Services.AddSingleton<IHostLifetime, SignalLifetime>();
        }
    }

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT, PosixSignal.SIGHUP])
        {
            _signals.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                if (!stop.Ask())
                {
                    application.StopApplication();
                }
            }));
        }
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _signals.ForEach(signal => signal.Dispose());
}
