using LoraAspire.Model.Prompts;

namespace LoraAspire.DataBuild.Grammar;

/// <summary><c>grammar --count N --seed S</c>: the grammar's texts, one prompt with its answer after the other, as a tokenizer is trained on them.</summary>
public static class GrammarCommand
{
    public const string Help = """
        grammar --count N [--seed S] [--name NAME]

        Prints N instruction pairs of the built-in grammar as plain text, in the prompt template "plain":
        the text on which the tiny base's SentencePiece model is trained. The same seed gives the same text.
        """;

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
            error.WriteLine($"grammar: --count and --seed take whole numbers, and --count must be given.\n\n{Help}");
            return 2;
        }
        var template = PromptTemplate.Load("plain");
        foreach (var record in PairGrammar.Generate(count, seed, Value("--name") ?? "Pebble"))
        {
            output.WriteLine(template.Prompt(record.Instruction, record.Input) + record.Output);
        }
        return 0;
    }
}
