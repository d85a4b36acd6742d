using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Model.Generation.Constraints;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Benchmarks;

/// <summary>
/// What constrained decoding costs: answers are led through documents that obey a schema, token by token, twice. The first time finds
/// masks for states that nobody was in before, the second time looks them up. <c>ratio</c> is the worst first mask over 20 ms.
/// </summary>
internal static class ConstraintsBenchmark
{
    private const double Bar = 20;

    private static readonly (string Name, string Schema, string Document)[] s_cases =
    [
        ("any object", """{"type": "object"}""",
            """
                {"title": "A long story of two cities", "tags": ["one", "two"], "numbers": [1, 2.5, -3e10], "inner": {"deep": {"deeper": null}}}
                """),
        ("strict object", """
            {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0, "maximum": 150},
             "role": {"enum": ["admin", "user", "guest"]}, "emails": {"type": "array", "items": {"type": "string", "format": "email"}, "maxItems": 4}},
             "required": ["name", "age", "role", "emails"], "additionalProperties": false}
            """, """{"name": "Ada Lovelace of the Analytical Engine", "age": 36, "role": "admin", "emails": ["ada@example.org", "a.l@example.com"]}"""),
        ("lengths and patterns", """
            {"type": "object", "properties": {"summary": {"type": "string", "minLength": 20, "maxLength": 200}, "code": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4,8}$"},
             "when": {"type": "string", "format": "date-time"}}, "required": ["summary", "code", "when"], "additionalProperties": false}
            """, """{"summary": "It was the best of times, it was the worst of times, and so on.", "code": "ABC-12345", "when": "2026-11-26T12:00:00Z"}"""),
    ];

    public static Command Command()
    {
        var tokenizer = new Option<DirectoryInfo>("--tokenizer") { Description = "The folder of a tokenizer.", Required = true };
        var command = new Command("constraints", "Masks of answers that are held to a JSON schema: found, and looked up.") { tokenizer };
        command.SetAction(parsed => Run(parsed.GetValue(tokenizer)!.FullName));
        return command;
    }

    private static void Run(string folder)
    {
        var tokenizer = HfTokenizer.Load(folder);
        HashSet<int> eos = [tokenizer.EosId];
        var logits = new float[tokenizer.VocabSize];
        var tree = Time(() => JsonConstraints.ForSchema(JsonElement.Parse("true"), tokenizer, eos)());
        Lead(JsonConstraints.ForSchema(JsonElement.Parse("true"), tokenizer, eos)(), tokenizer, "[1]", logits); // compiled by .NET
        var (worst, worstCached) = (0.0, 0.0);
        foreach (var (name, schema, document) in s_cases)
        {
            Func<TokenConstraint>? make = null;
            var compile = Time(() => make = JsonConstraints.ForSchema(JsonElement.Parse(schema), tokenizer, eos));
            var first = Lead(make!(), tokenizer, document, logits);
            var cached = Lead(make!(), tokenizer, document, logits);
            Console.WriteLine($"{name}: compiled in {compile:N2} ms; {first.Count} masks: first {Words(first)}; again {Words(cached)}");
            (worst, worstCached) = (Math.Max(worst, first.Max()), Math.Max(worstCached, cached.Order().ElementAt(cached.Count * 9 / 10)));
        }
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            name = "constraints",
            device = "cpu",
            vocabulary = tokenizer.VocabSize,
            figures = new { tree_ms = tree, worst_first_ms = worst, cached_p90_ms = worstCached },
            ratio = worst / Bar,
        }));
    }

    private static List<double> Lead(TokenConstraint constraint, HfTokenizer tokenizer, string document, float[] logits)
    {
        List<double> times = [];
        foreach (var id in tokenizer.EncodeContinuation(document))
        {
            Array.Clear(logits);
            times.Add(Time(() => constraint.Mask(logits)));
            constraint.Accept(id);
        }
        return times;
    }

    private static string Words(List<double> times) =>
        $"{times.Order().ElementAt(times.Count / 2):N3} ms in the middle, {times.Max():N3} at most";

    private static double Time(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
