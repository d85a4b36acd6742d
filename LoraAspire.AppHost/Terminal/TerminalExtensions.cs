using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace LoraAspire.AppHost.Terminal;

/// <summary>Makes the terminal ours: signals in order, and Aspire's own log only from warnings on.</summary>
internal static class TerminalExtensions
{
    public static void AddTerminal(this IDistributedApplicationBuilder builder)
    {
        SignalLifetime.AddTo(builder);
        if (builder.ExecutionContext.IsRunMode)
        {
            // Its colours are escape sequences, which the guard of the console would spell out.
            builder.Services.Configure<SimpleConsoleFormatterOptions>(log => log.ColorBehavior = LoggerColorBehavior.Disabled);
            builder.Services.AddLogging(logging => logging
                .AddFilter("Aspire", LogLevel.Warning)
                .AddFilter("Microsoft", LogLevel.Warning)
                // Our own lines say where the dashboard is, and a service that isn't up yet is no fault.
                .AddFilter("Aspire.Hosting.Dashboard.DashboardWebApplication", LogLevel.Error)
                .AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None)
                .AddFilter("LoraAspire.AppHost.Resources", LogLevel.None));
        }
    }
}
