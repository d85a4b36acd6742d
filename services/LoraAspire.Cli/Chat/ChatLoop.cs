using System.Diagnostics;
using System.Globalization;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Cli.Chat;

/// <summary>Line by line: what begins with / is for the program, the rest for the model.</summary>
/// <param name="read">A line after this prompt; null at the end of the input.</param>
internal sealed class ChatLoop(Conversation conversation, Func<string, string?> read, AnswerInterrupt interrupt)
{
    private const string Prompt = "> ", Inner = "… ", Quotes = "\"\"\"", None = "none";
    private const float Hottest = 2;

    private static readonly (string Name, string Does)[] s_words =
    [
        ("/help", "this list"),
        ("/system TEXT", "what stands before everything; none removes it, without TEXT it is shown"),
        ("/temperature X", "0 (always the likeliest word) to 2; none leaves it to the service"),
        ("/reset", "forget what was said; system and temperature stay"),
        ("/save FILE", "write the conversation as JSON into a new file"),
        ("/exit", "leave; Ctrl-D does it too"),
        (Quotes, "begins a text of several lines, which ends with the next"),
        ("//…", "a line for the model that begins with /"),
        ("Ctrl-C", "stop the answer; what came of it is kept"),
    ];

    public async Task RunAsync()
    {
        while (read(Prompt) is { } line)
        {
            switch (line.Trim())
            {
                case "":
                    break;
                case "/exit" or "/quit" or "/bye":
                    return;
                case ['/', '/', ..] literal:
                    await AskAsync(literal[1..]);
                    break;
                case ['/', ..] word:
                    Obey(word);
                    break;
                case var text when text.StartsWith(Quotes, StringComparison.Ordinal):
                    if (Lines(text[Quotes.Length..]) is { Length: > 0 } lines)
                    {
                        await AskAsync(lines);
                    }
                    break;
                case var text:
                    await AskAsync(text);
                    break;
            }
        }
        Console.WriteLine();
    }

    /// <summary>A service that is away or refuses is said, and the conversation goes on.</summary>
    private async Task AskAsync(string said)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            var whole = await interrupt.RunAsync(stop => conversation.AskAsync(said, Console.Write, stop));
            Console.WriteLine(whole ? "" : " (stopped)");
        }
        catch (Exception error) when (ChatFault.Is(error))
        {
            Console.WriteLine();
            Console.Error.WriteLine($"No answer: {ChatFault.Words(error, Stopwatch.GetElapsedTime(began))}");
        }
    }

    private string Lines(string first)
    {
        List<string> lines = [first];
        while (!lines[^1].TrimEnd().EndsWith(Quotes, StringComparison.Ordinal) && read(Inner) is { } next)
        {
            lines.Add(next);
        }
        var last = lines[^1].TrimEnd();
        lines[^1] = last.EndsWith(Quotes, StringComparison.Ordinal) ? last[..^Quotes.Length] : last;
        return string.Join('\n', lines).Trim('\n');
    }

    private void Obey(string line)
    {
        var (word, rest) = line.Split(' ', 2, StringSplitOptions.TrimEntries) is [var first, var more] ? (first, more) : (line, "");
        switch (word)
        {
            case "/help":
                Array.ForEach(s_words, one => Console.WriteLine($"  {one.Name,-16} {one.Does}"));
                break;
            case "/system":
                conversation.System = rest == "" ? conversation.System : rest == None ? null : rest;
                Console.WriteLine($"system: {conversation.System ?? None}");
                break;
            case "/temperature":
                SetTemperature(rest);
                break;
            case "/reset":
                conversation.Reset();
                Console.WriteLine("forgotten");
                break;
            case "/save":
                Save(rest);
                break;
            default:
                var words = s_words.Select(one => one.Name.Split(' ')[0]).Where(name => name[0] == '/' && char.IsLetter(name[1]));
                Console.WriteLine($"{word} is no command ({Suggestion.For(word, words)}). A line for the model that begins with / is "
                    + "written with two.");
                break;
        }
    }

    private void SetTemperature(string given)
    {
        if (float.TryParse(given, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            && number is >= 0 and <= Hottest)
        {
            conversation.Temperature = number;
        }
        else if (given == None)
        {
            conversation.Temperature = null;
        }
        else if (given != "")
        {
            Console.WriteLine($"'{given}' is no temperature: 0 to {Hottest}, or {None}.");
            return;
        }
        Console.WriteLine($"temperature: {conversation.Temperature?.ToString(CultureInfo.InvariantCulture) ?? None}");
    }

    private void Save(string path)
    {
        if (path == "")
        {
            Console.WriteLine("Name a file: /save talk.json");
            return;
        }
        try
        {
            var said = conversation.ToJson();
            using var file = new FileStream(path, FileMode.CreateNew);
            using StreamWriter text = new(file);
            text.Write(said);
            Console.WriteLine($"{Path.GetFullPath(path)}: {conversation.Turns} turn{(conversation.Turns == 1 ? "" : "s")}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            Console.WriteLine($"Not saved: {error.Message}");
        }
    }
}
