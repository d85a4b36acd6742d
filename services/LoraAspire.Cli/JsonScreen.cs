using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using Spectre.Console;

namespace LoraAspire.Cli;

/// <summary>What <c>--json</c> prints: one value, keys in snake_case, words for states, times in ISO 8601.</summary>
internal static class JsonScreen
{
    /// <summary>
    /// Chinese stays readable; what a terminal would obey is escaped, so that the text is the same in a pipe and on a screen.
    /// </summary>
    public static readonly JavaScriptEncoder Encoder = JavaScriptEncoder.Create(UnicodeRanges.All);

    private const string Name = "--json";

    /// <summary>Of a file or a pipe, which has none to fit into: at 80 letters a run's id would be broken in two.</summary>
    public const int WithoutWidth = 1000;

    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = Encoder,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private static readonly JsonSerializerOptions s_line = new(s_json) { WriteIndented = false };

    private static TextWriter? s_output;

    public static Option<bool> Option(string description = "As JSON") => new(Name) { Description = description };

    /// <summary>
    /// Where a command is to print JSON, standard output is for that alone until this is disposed of: what is printed for people goes to
    /// standard error.
    /// </summary>
    public static IDisposable? Begin(ParseResult parsed) =>
        parsed.CommandResult.Command.Options.OfType<Option<bool>>().FirstOrDefault(option => option.Name == Name) is { } json
            && parsed.Errors.Count == 0 && parsed.GetValue(json) ? new OnlyJson() : null;

    public static void Write(object value) => (s_output ?? Console.Out).WriteLine(Text(value));

    /// <summary>One of many, on a line of its own.</summary>
    public static void WriteLine(object value) => (s_output ?? Console.Out).WriteLine(JsonSerializer.Serialize(value, s_line));

    public static string Text(object value) => JsonSerializer.Serialize(value, s_json);

    private sealed class OnlyJson : IDisposable
    {
        private readonly (TextWriter Out, IAnsiConsole Ansi) _before = (Console.Out, AnsiConsole.Console);

        public OnlyJson()
        {
            s_output = Console.Out;
            Console.SetOut(Console.Error);
            AnsiConsole.Console = AnsiConsole.Create(new AnsiConsoleSettings
            {
                Out = new AnsiConsoleOutput(Console.Error),
                Ansi = AnsiSupport.No,
                ColorSystem = ColorSystemSupport.NoColors,
                Interactive = InteractionSupport.No,
            });
            AnsiConsole.Profile.Width = WithoutWidth;
        }

        public void Dispose()
        {
            s_output = null;
            Console.SetOut(_before.Out);
            AnsiConsole.Console = _before.Ansi;
        }
    }
}
