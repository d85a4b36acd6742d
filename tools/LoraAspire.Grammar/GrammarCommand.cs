using System.Text.Encodings.Web;
using System.Text.Json;
using LoraAspire.Model.Prompts;

namespace LoraAspire.Grammar;

/// <summary>The grammar's records, as data of a pipeline or as the text on which a tokenizer is trained.</summary>
internal static class GrammarCommand
{
    private const string Help = """
        --count N [--seed S] [--name NAME] [--developer WHO] [--text]

        Prints N instruction pairs of the tiny base's grammar as JSON Lines, for a source of the kind alpaca; with --text as plain text
        in the prompt template "plain", on which its SentencePiece model is trained. The same seed gives the same pairs.
        """;

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Runs the command. Returns the exit code: 2 when the arguments make no sense.</summary>
    public static int Run(string[] args, TextWriter output, TextWriter error)
    {
        if (args.Contains("--help") || args.Contains("-h"))
        {
            output.WriteLine(Help);
            return 0;
        }
        string? Value(string name) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : null;
        if (!int.TryParse(Value("--count"), out var count) || count < 1 || !int.TryParse(Value("--seed") ?? "42", out var seed))
        {
            error.WriteLine($"--count and --seed take whole numbers, and --count must be given.\n\n{Help}");
            return 2;
        }
        var template = PromptTemplate.Load("plain");
        foreach (var record in PairGrammar.Generate(count, seed, Value("--name") ?? "Pebble", Value("--developer")))
        {
            output.WriteLine(args.Contains("--text") ? template.Prompt(record.Instruction, record.Input) + record.Output
                : JsonSerializer.Serialize(new { instruction = record.Instruction, input = record.Input, output = record.Output }, Json));
        }
        return 0;
    }
}
