using Spectre.Console;

namespace LoraAspire.AppHost.Terminal;

/// <summary>What the app tells its terminal besides the run.</summary>
internal static class Screen
{
    public static void Note(string text) => AnsiConsole.MarkupLineInterpolated($"[grey]{text}[/]");

    public static void Warn(string text) => AnsiConsole.MarkupLineInterpolated($"[yellow]{text}[/]");

    /// <returns>The exit code of a fault.</returns>
    public static int Fail(string text)
    {
        Console.Error.WriteLine(text);
        return 1;
    }
}
