using System.Globalization;
using LoraAspire.Runtime.Runs;
using Spectre.Console;

namespace LoraAspire.Cli.RunCommands;

internal static class LogScreen
{
    public static void Write(RunLogLine line) =>
        AnsiConsole.MarkupLine(
            $"[grey]{line.At.ToLocalTime().ToString("HH:mm:ss", CultureInfo.InvariantCulture)}[/] "
                + $"{(line.Stage is null ? "" : $"[blue]{Markup.Escape(line.Stage),-10}[/] ")}{Markup.Escape(line.Text)}");
}
