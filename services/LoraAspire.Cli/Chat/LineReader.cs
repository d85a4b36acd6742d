using Spectre.Console;

namespace LoraAspire.Cli.Chat;

/// <summary>Lines from a person: on a terminal with editing and what was said before by the arrows, else as they come.</summary>
internal sealed class LineReader
{
    private readonly List<string> _history = [];

    /// <returns>Null at the end of the input.</returns>
    public string? Read(string prompt)
    {
        if (Console.IsInputRedirected || Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Ansi)
        {
            Console.Write(prompt);
            return Console.ReadLine();
        }
        var line = Edit(prompt);
        if (line is { Length: > 0 } && _history.LastOrDefault() != line)
        {
            _history.Add(line);
        }
        return line;
    }

    private string? Edit(string prompt)
    {
        LineEditor editor = new(_history);
        // As a key Ctrl-C empties the line; as a signal it would reach nobody here.
        Console.TreatControlCAsInput = true;
        try
        {
            while (true)
            {
                if (!Console.KeyAvailable) // of what is pasted only the end is drawn
                {
                    Draw(prompt, editor);
                }
                switch (editor.Press(Console.ReadKey(intercept: true)))
                {
                    case LineEditor.Outcome.Entered:
                        Draw(prompt, editor);
                        Console.WriteLine();
                        return editor.Text;
                    case LineEditor.Outcome.Ended:
                        return null;
                }
            }
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }

    private static void Draw(string prompt, LineEditor editor)
    {
        var (shown, column) = editor.View(Math.Max(8, AnsiConsole.Profile.Width - prompt.Length - 1));
        AnsiConsole.Write(new ControlCode("\r\u001b[K"));
        AnsiConsole.Write(new Text(prompt + shown));
        AnsiConsole.Write(new ControlCode($"\r\u001b[{prompt.Length + column}C"));
    }
}
