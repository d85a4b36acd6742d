using System.Text;
using LoraAspire.Pipelines.Terminal;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace LoraAspire.Terminal;

/// <summary>The console of a program that prints by Spectre: what it shows of others' words moves no cursor and sets no colour.</summary>
internal static class CleanConsole
{
    /// <summary>To be called before the first word is printed.</summary>
    public static void Guard()
    {
        // Into a file or a pipe go words alone; whether it is one, Spectre can't see through a writer of ours.
        var redirected = Console.IsOutputRedirected;
        AnsiConsole.Console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new Plain(TerminalText.GuardConsole()),
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = redirected ? InteractionSupport.No : InteractionSupport.Detect,
        });
        AnsiConsole.Console.Pipeline.Attach(new Cleaning());
    }

    /// <summary>Spectre draws by escape sequences, which must not pass the guard; so it cleans what it draws.</summary>
    private sealed class Plain(TextWriter writer) : IAnsiConsoleOutput
    {
        private readonly AnsiConsoleOutput _size = new(writer);

        public TextWriter Writer => writer;
        public bool IsTerminal => !Console.IsOutputRedirected;
        public int Width => _size.Width;
        public int Height => _size.Height;
        public void SetEncoding(Encoding encoding) => _size.SetEncoding(encoding);
    }

    private sealed class Cleaning : IRenderHook
    {
        public IEnumerable<IRenderable> Process(RenderOptions options, IEnumerable<IRenderable> renderables) =>
            renderables.Select(renderable => renderable is ControlCode ? renderable : new Cleaned(renderable));
    }

    private sealed class Cleaned(IRenderable inner) : IRenderable
    {
        public Measurement Measure(RenderOptions options, int maxWidth) => inner.Measure(options, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
            inner.Render(options, maxWidth).Select(segment => segment.IsControlCode || segment.IsLineBreak ? segment
                : new Segment(TerminalText.Clean(segment.Text), segment.Style));
    }
}
