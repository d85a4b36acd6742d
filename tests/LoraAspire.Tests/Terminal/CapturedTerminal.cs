using Spectre.Console;

namespace LoraAspire.Tests.Terminal;

/// <summary>
/// Takes what is printed in place of the console, and sets variables for as long as it lives. Console and environment are the process's:
/// one at a time.
/// </summary>
internal sealed class CapturedTerminal : IDisposable
{
    public const string Collection = "The process's console";

    private readonly (TextWriter Out, TextWriter Error, IAnsiConsole Ansi) _before = (Console.Out, Console.Error, AnsiConsole.Console);
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();
    private readonly Dictionary<string, string?> _variables = [];

    public CapturedTerminal()
    {
        Console.SetOut(_out);
        Console.SetError(_error);
        AnsiConsole.Console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(_out),
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        AnsiConsole.Profile.Width = 200;
    }

    public string Out => _out.ToString();
    public string Error => _error.ToString();

    public void Set(string variable, string? value)
    {
        _variables.TryAdd(variable, Environment.GetEnvironmentVariable(variable));
        Environment.SetEnvironmentVariable(variable, value);
    }

    public void Dispose()
    {
        Console.SetOut(_before.Out);
        Console.SetError(_before.Error);
        AnsiConsole.Console = _before.Ansi;
        foreach (var (variable, value) in _variables)
        {
            Environment.SetEnvironmentVariable(variable, value);
        }
    }
}

[CollectionDefinition(CapturedTerminal.Collection, DisableParallelization = true)]
public sealed class CapturedTerminalCollection;
